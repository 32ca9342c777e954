import { createHash } from 'node:crypto';
import { LichenError } from '../errors.js';
import { MAX_GROUPS } from './layout.js';

/** The samples of one task and label on one side: trained on, or held out. */
export interface Group {
  /** 1 or more; only the index uses it, and a restart may give another. */
  readonly number: number;
  readonly task: string;
  readonly label: string;
  readonly heldOut: boolean;
  /** Samples in the memory now. */
  kept: number;
  /** Samples that ever came, as far as is known. */
  seen: number;
  /** The policy's own mark; the balanced reservoir notes here that the group has been the largest. */
  settled: boolean;
}

/** The groups that have samples in the memory. */
export class Groups {
  private readonly byKey = new Map<string, Group>();
  private readonly byNumber: (Group | undefined)[] = [];

  get(number: number): Group {
    const group = this.byNumber[number];
    if (group === undefined) throw new RangeError(`there is no group ${number}`);
    return group;
  }

  /**
   * The group of that task, label and side; a new one where there is none.
   * @throws LichenError `replay-too-many-groups`
   */
  obtain(task: string, label: string, heldOut: boolean): Group {
    const key = keyOf(task, label, heldOut);
    const existing = this.byKey.get(key);
    if (existing) return existing;
    if (this.byKey.size >= MAX_GROUPS) {
      throw new LichenError(
        'replay-too-many-groups',
        `The replay memory holds ${MAX_GROUPS / 2} labels and takes no more; '${label}' of task '${task}' was not kept. Use fewer labels, or another store for other tasks.`,
      );
    }
    let number = 1;
    while (this.byNumber[number] !== undefined) number++;
    const group: Group = { number, task, label, heldOut, kept: 0, seen: 0, settled: false };
    this.byKey.set(key, group);
    this.byNumber[number] = group;
    return group;
  }

  /** Forgets the groups that have no samples left. */
  dropEmpty(): void {
    for (const [key, group] of this.byKey) {
      if (group.kept > 0) continue;
      this.byKey.delete(key);
      this.byNumber[group.number] = undefined;
    }
  }

  /** All groups, in an order that does not depend on when they came. */
  list(): Group[] {
    return [...this.byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  }
}

/** Eight bytes that stand for a group in the saved state. */
export function groupHash(group: Group): Buffer {
  return createHash('sha256')
    .update(keyOf(group.task, group.label, group.heldOut))
    .digest()
    .subarray(0, 8);
}

function keyOf(task: string, label: string, heldOut: boolean): string {
  return `${task}\0${label}\0${heldOut ? 'held-out' : 'training'}`;
}
