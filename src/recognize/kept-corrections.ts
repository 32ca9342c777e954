import type { WhitenedClasses, Whitening } from '../learn/streaming/whitened.js';
import type { Answer } from './answer.js';
import { CorrectedTask, type RecentLabel } from './corrected-task.js';
import type { FrozenFeatures } from './frozen-features.js';

export interface KeptCorrectionsOptions {
  features: () => Promise<FrozenFeatures>;
  /** Labels of a task that what it runs does not know yet, oldest first. */
  labels: (task: string) => readonly RecentLabel[];
  /** Where the task's samples lie; undefined where nothing was seen of them. */
  space: (task: string) => WhitenedClasses | undefined;
  /** The whitening that the task's discriminant goes by now. */
  whitening: (task: string) => Whitening | undefined;
  /** Whether what is answered without corrections is another with every label. */
  changing: (task: string) => Promise<boolean>;
  uncorrected: (task: string, latents: readonly Uint8Array[]) => Promise<Answer[]>;
}

interface Kept {
  taught: Promise<CorrectedTask | undefined>;
  whitening: Whitening | undefined;
}

/** The corrections of all tasks, made when an answer first needs them and kept until the task runs something else. */
export class KeptCorrections {
  private readonly options: KeptCorrectionsOptions;
  /** Undefined for a task without labels that what it runs does not know. */
  private readonly corrected = new Map<string, Kept>();
  /** Tasks of which there are labels that their corrections do not know yet. */
  private readonly stale = new Set<string>();

  constructor(options: KeptCorrectionsOptions) {
    this.options = options;
  }

  /** Notes that a label of a task came. */
  labelled(task: string): void {
    this.stale.add(task);
  }

  /** Lets go of a task's corrections, or of all: it runs something else now. */
  forget(task?: string): void {
    if (task === undefined) this.corrected.clear();
    else this.corrected.delete(task);
  }

  /** A task's answers with corrections; undefined where there are none to make. */
  of(task: string): Promise<CorrectedTask | undefined> {
    const whitening = this.options.whitening(task);
    const kept = this.corrected.get(task);
    // Under another covariance they are made anew: whoever else is asked about a sample then goes by the same one.
    const known = kept?.whitening === whitening ? kept?.taught : undefined;
    if (known && !this.stale.has(task)) return known;
    this.stale.delete(task);
    // What cannot be read of the labels any more changes nothing.
    const taught = this.teach(task, known).catch(() => undefined);
    this.corrected.set(task, { taught, whitening });
    return taught;
  }

  private async teach(
    task: string,
    before: Promise<CorrectedTask | undefined> | undefined,
  ): Promise<CorrectedTask | undefined> {
    const labels = this.options.labels(task);
    if (labels.length === 0) return undefined;
    const corrected = (await before) ?? (await this.open(task));
    await corrected?.teach(labels, await this.options.changing(task));
    return corrected;
  }

  private async open(task: string): Promise<CorrectedTask | undefined> {
    const { features, space, uncorrected } = this.options;
    const where = space(task);
    if (!where) return undefined;
    return new CorrectedTask(await features(), where, (latents) => uncorrected(task, latents));
  }
}
