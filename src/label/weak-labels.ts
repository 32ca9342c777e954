import type { Answer } from '../recognize/answer.js';
import type { Database } from '../store/database.js';
import type { Frame } from './recent-frames.js';

/** A weak label that is borne out so surely is learned from without asking. */
const SURE = 0.95;
/** What the owner's own estimate of a source counts, in labels that were looked at. */
const PRIOR = 10;

/** Labels from elsewhere (a controller's signal, a folder) that are right often, but not always. */
export class WeakLabels {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /**
   * How often labels of a source are right: the share of those that the owner has looked at, with the owner's estimate as
   * a prior (the mean of a beta distribution).
   */
  trust(source: string, estimate: number): number {
    const { right, wrong } = this.counts(source);
    return (PRIOR * estimate + right) / (PRIOR + right + wrong);
  }

  counts(source: string): { right: number; wrong: number } {
    return (
      this.database
        .prepare<{ right: number; wrong: number }>('SELECT right, wrong FROM weak_labels WHERE source = ?')
        .get(source) ?? { right: 0, wrong: 0 }
    );
  }

  /** Notes whether a label was right; -1 takes it back. */
  looked(source: string, right: boolean, by: 1 | -1 = 1): void {
    const column = right ? 'right' : 'wrong';
    this.database.prepare('INSERT OR IGNORE INTO weak_labels (source) VALUES (?)').run(source);
    this.database
      .prepare(`UPDATE weak_labels SET ${column} = MAX(0, ${column} + ?) WHERE source = ?`)
      .run(by, source);
  }
}

/**
 * The probability that a weak label is right, given what the device itself says of the picture: two witnesses that err
 * independently, the label with its trust, the device with its probability of that label (Bayes' rule; a wrong label is
 * any of the other classes alike).
 * @param classes of the task
 */
export function agreement(
  label: string,
  trust: number,
  answer: Answer | undefined,
  classes: readonly string[],
): number {
  const others = classes.length - 1;
  // Who knows one class only calls everything by it, and bears nothing out.
  if (!answer || answer.novel || others < 1 || !classes.includes(label)) return trust;
  const said = answer.all.find((c) => c.label === label)?.probability ?? 0;
  const right = trust * said;
  const wrong = ((1 - trust) / others) * (1 - said);
  return right + wrong === 0 ? trust : right / (right + wrong);
}

/** What is done with a weak label: learned from, or asked about. */
export const isSure = (probability: number): boolean => probability >= SURE;

/** A label that may be wrong. */
export interface WeakLabel {
  task: string;
  label: string;
  /** Where it came from. */
  source: string;
  /** How often such labels are right. */
  trust: number;
}

/** What becomes of pictures with weak labels. */
export interface WeakEnds {
  classesOf: (task: string) => readonly string[];
  learn: (frame: Frame, task: string, label: string) => Promise<void>;
  ask: (
    frame: Frame,
    task: string,
    answer: Answer | undefined,
    weak: { label: string; source: string },
  ) => Promise<void>;
}

/**
 * Learns from a weak label where the device's own answer bears it out, and asks the owner otherwise.
 * @param answer what the device says of the picture with the classes of the task
 */
export async function settleWeak(
  frame: Frame,
  { task, label, source, trust }: WeakLabel,
  answer: Answer | undefined,
  { classesOf, learn, ask }: WeakEnds,
): Promise<void> {
  if (isSure(agreement(label, trust, answer, classesOf(task)))) await learn(frame, task, label);
  else await ask(frame, task, answer, { label, source });
}
