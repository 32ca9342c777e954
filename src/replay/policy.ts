import type { Random } from '../random.js';
import type { Group, Groups } from './groups.js';
import type { SlotIndex } from './slot-index.js';

/** The memory as a policy sees it. */
export interface MemoryView {
  /** The most samples that it can hold. */
  readonly capacity: number;
  /** The samples that it holds. */
  readonly size: number;
  /** All groups that have samples, in an order that does not depend on when they came. */
  groups(): Group[];
  /** The slots of a group's samples, oldest first. */
  slotsOf(group: Group): number[];
  /** The latent in a slot. */
  latent(slot: number): Uint8Array;
}

/** What becomes of a sample that arrived. `evict` is the slot of the sample that makes room for it. */
export type Admission = { keep: false } | { keep: true; evict?: number };

/** Who stays and who goes. A policy keeps no state of its own beside `seen` and `settled` of the groups. */
export interface RetentionPolicy {
  /**
   * Decides on a sample that arrives. `group.seen` counts it already, `group.kept` not yet. While
   * `view.size < view.capacity` there is room without evicting.
   */
  admit(group: Group, latent: Uint8Array, view: MemoryView, random: Random): Admission;
  /** The slot of the sample that the memory can spare best, when it must shrink. */
  spare(view: MemoryView, random: Random): number;
  /** Told when a human moved samples between groups, so that what `settled` says may be wrong. */
  regrouped(view: MemoryView): void;
}

/** The view of a memory made of an index and groups. */
export function memoryView(
  index: SlotIndex,
  groups: Groups,
  capacity: number,
  latent: (slot: number) => Uint8Array,
): MemoryView {
  return {
    capacity,
    get size() {
      return index.size;
    },
    groups: () => groups.list(),
    slotsOf: (group) => index.used(group.number),
    latent,
  };
}
