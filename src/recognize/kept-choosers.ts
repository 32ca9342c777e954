import type { NamedSample, TaskChooser } from './chooser.js';
import { KeptChooser, type KeptChooserOptions } from './kept-chooser.js';

/** So many of the newest labelled samples are known as what they are, whatever is told of the classes by then. */
const MOST_NAMED = 50;
/** Part of the time that choosers are made anew in, all together, at most: with many tasks each takes seconds. */
const RENEWING_SHARE = 0.1;

/**
 * The choosers that answer: one among all tasks, for pictures of which nobody said what they belong to, and one of each task
 * that was named for a picture, which says whether that task's own classes explain it. Each is made when first asked for.
 */
export class KeptChoosers {
  private readonly options: Omit<KeptChooserOptions, 'named' | 'share'>;
  /** By the task that was named; undefined for the one among all. */
  private readonly kept = new Map<string | undefined, KeptChooser>();
  /** The newest labelled samples, oldest first. */
  private named: readonly NamedSample[] = [];

  constructor(options: Omit<KeptChooserOptions, 'named' | 'share'>) {
    this.options = options;
  }

  /**
   * The chooser among some tasks.
   * @throws LichenError as `TaskChooser.open` does
   */
  among(tasks: readonly string[]): Promise<TaskChooser> {
    return this.keptFor(undefined).for(tasks);
  }

  /**
   * The chooser of one task, which was named.
   * @throws LichenError as `TaskChooser.open` does
   */
  of(task: string): Promise<TaskChooser> {
    return this.keptFor(task).for([task]);
  }

  /** Notes that something about the classes of a task, or of all, is new. */
  changed(task: string | undefined): void {
    for (const chooser of this.concerned(task)) chooser.changed();
  }

  /** Notes that a task's covariance was factorized. */
  refined(task: string): void {
    for (const chooser of this.concerned(task)) chooser.refined();
  }

  /** Takes in what a sample is: from the next answer on it is known as that. */
  name(sample: NamedSample): void {
    this.named = [...this.named, sample].slice(-MOST_NAMED);
  }

  /** Forgets what samples of a task are, or one of them, or all: they may have been taken back. */
  forget(task: string | undefined, sample?: string): void {
    const goes = (n: NamedSample) => n.task === task && (sample === undefined || n.id === sample);
    this.named = task === undefined ? [] : this.named.filter((n) => !goes(n));
  }

  /** Resolves when what is known of the classes is what answers go by. */
  async settled(): Promise<void> {
    for (const chooser of this.kept.values()) await chooser.settled();
  }

  async close(): Promise<void> {
    for (const chooser of this.kept.values()) await chooser.close();
    this.kept.clear();
  }

  private keptFor(task: string | undefined): KeptChooser {
    const known = this.kept.get(task);
    if (known) return known;
    const made = new KeptChooser({
      ...this.options,
      named: (tasks) => this.named.filter((n) => tasks.includes(n.task)),
      share: () => RENEWING_SHARE / this.kept.size,
    });
    this.kept.set(task, made);
    return made;
  }

  /** Those that know a task's classes. */
  private concerned(task: string | undefined): KeptChooser[] {
    return [...this.kept].flatMap(([own, chooser]) =>
      task === undefined || own === undefined || own === task ? [chooser] : [],
    );
  }
}
