import { FEW_SAMPLES, type StreamingDiscriminant } from '../learn/streaming/slda.js';
import { type NamedSample, type NoveltySetting, TaskChooser } from './chooser.js';
import type { FrozenFeatures } from './frozen-features.js';

export interface KeptChooserOptions {
  features: () => Promise<FrozenFeatures>;
  discriminants: (names: readonly string[]) => Map<string, StreamingDiscriminant>;
  /** How novelty is told for some tasks; undefined where nothing is called novel. */
  novelty: (names: readonly string[]) => NoveltySetting | undefined;
  /** Whether a class that is new is to be known at once, to less accuracy until the chooser has been made anew. */
  hurry: boolean;
  /** Labelled samples of some tasks that are known as what they are. */
  named: (names: readonly string[]) => readonly NamedSample[];
  /** Part of the time that it is made anew in, at most. */
  share: () => number;
}

interface Chooser {
  opening: Promise<TaskChooser>;
  tasks: string;
  /** The classes that it knows: with others it has to be made anew at once. */
  classes: string;
  /** What a class looks like has changed since. */
  stale: boolean;
  /** Before this time it is not made anew. */
  until: number;
}

/** The chooser that answers, and the one that is being made anew beside it when what is known of the classes changes. */
export class KeptChooser {
  private readonly options: KeptChooserOptions;
  private chooser: Chooser | undefined;
  private renewing: Promise<void> | undefined;

  constructor(options: KeptChooserOptions) {
    this.options = options;
  }

  /** Notes that something about the classes is new. */
  changed(): void {
    if (this.chooser) this.chooser.stale = true;
  }

  /** Notes that a task's covariance was factorized. A chooser of one task goes by the same one: to make it anew costs little. */
  refined(): void {
    const { chooser } = this;
    if (!chooser) return;
    chooser.stale = true;
    if (!chooser.tasks.includes(',')) chooser.until = 0;
  }

  /** @throws LichenError as `TaskChooser.open` does */
  async for(names: readonly string[]): Promise<TaskChooser> {
    const chooser = await this.chosen(names);
    await chooser.know(this.options.named(names));
    return chooser;
  }

  private chosen(names: readonly string[]): Promise<TaskChooser> {
    const { chooser } = this;
    const tasks = names.join();
    if (chooser?.tasks === tasks && !chooser.stale) return chooser.opening;
    const classes = this.classesOf(names);
    if (chooser?.classes === classes) {
      if (chooser.stale) this.renewSoon(names, classes);
      return chooser.opening;
    }
    const hurry = this.options.hurry && (chooser !== undefined || this.hasFew(names));
    const opening = hurry ? this.openQuickly(names, chooser) : this.open(names);
    const made: Chooser = { opening, tasks, classes, stale: hurry, until: 0 };
    this.chooser = made;
    // What failed is tried again: there may be a labelled sample by then.
    opening.catch(() => {
      if (this.chooser === made) this.chooser = undefined;
    });
    return opening;
  }

  /** Resolves when what is known of the classes is what answers go by. */
  async settled(): Promise<void> {
    await this.renewing;
  }

  async close(): Promise<void> {
    await this.renewing;
    this.chooser = undefined;
  }

  private renewSoon(names: readonly string[], classes: string): void {
    if (this.renewing || Date.now() < this.chooser!.until) return;
    this.renewing = this.renew(names, classes).finally(() => {
      this.renewing = undefined;
    });
  }

  /** Makes the chooser anew beside the one that answers meanwhile. */
  private async renew(names: readonly string[], classes: string): Promise<void> {
    const before = this.chooser!;
    before.stale = false;
    const begun = Date.now();
    const opening = before.opening.then(() => this.open(names));
    try {
      await opening;
    } catch {
      // It stays as it was, and is tried again with the next change.
      return;
    }
    const took = Date.now() - begun;
    if (this.chooser !== before) return;
    const until = Date.now() + took / this.options.share();
    this.chooser = { opening, tasks: names.join(), classes, stale: before.stale, until };
  }

  private hasFew(names: readonly string[]): boolean {
    const found = [...this.options.discriminants(names).values()];
    return found.reduce((sum, d) => sum + d.samples, 0) < FEW_SAMPLES;
  }

  private classesOf(names: readonly string[]): string {
    const found = this.options.discriminants(names);
    return JSON.stringify([...found].map(([name, d]) => [name, d.classes]));
  }

  private async open(names: readonly string[]): Promise<TaskChooser> {
    const { features, discriminants, novelty } = this.options;
    return TaskChooser.open(await features(), discriminants(names), novelty(names));
  }

  private async openQuickly(names: readonly string[], before: Chooser | undefined): Promise<TaskChooser> {
    const { features, discriminants } = this.options;
    const known = await before?.opening.catch(() => undefined);
    return TaskChooser.openQuickly(await features(), discriminants(names), known);
  }
}
