import type { StreamingDiscriminant } from '../learn/streaming/slda.js';
import type { RecentLabel } from './corrected-task.js';

/** So many of the newest labels are known as they are while an instant answer goes by an earlier covariance. */
const MOST_UNREFINED = 50;
/** Part of the time that a covariance is factorized in, at most. */
const REFINING_SHARE = 0.2;

/**
 * Covariances that are factorized anew beside the answers that go by an earlier one, and the labels that they do not know
 * meanwhile.
 */
export class Refinement {
  /** Fits what hangs on a covariance, once it is new. */
  private readonly calibrate: (task: string, discriminant: StreamingDiscriminant) => Promise<void>;
  /** Told of a task whose answers may go by a new covariance. */
  private readonly refined: (task: string) => Promise<void>;
  /** Labels of tasks since their covariance was factorized, oldest first. */
  private readonly labels = new Map<string, readonly RecentLabel[]>();
  private readonly running = new Map<string, Promise<void>>();
  /** When each may be factorized again; milliseconds since 1970. */
  private readonly after = new Map<string, number>();

  constructor(
    calibrate: (task: string, discriminant: StreamingDiscriminant) => Promise<void>,
    refined: (task: string) => Promise<void>,
  ) {
    this.calibrate = calibrate;
    this.refined = refined;
  }

  /** Labels of a task that its covariance does not know. */
  unrefined(task: string): readonly RecentLabel[] {
    return this.labels.get(task) ?? [];
  }

  /** Notes a label of a task that runs its instant answer. */
  labelled(task: string, label: RecentLabel): void {
    this.labels.set(task, [...this.unrefined(task), label].slice(-MOST_UNREFINED));
  }

  /**
   * Forgets what samples of a task, or of all, were labelled.
   * @param sample only that one's
   */
  forget(task: string | undefined, sample?: string): void {
    if (task === undefined) this.labels.clear();
    else
      this.labels.set(task, sample === undefined ? [] : this.unrefined(task).filter((l) => l.id !== sample));
  }

  /** Begins to factorize a task's covariance, unless that is being done or was done lately. */
  begin(task: string, discriminant: StreamingDiscriminant): void {
    const begun = Date.now();
    const before = new Set(this.unrefined(task));
    if (this.running.has(task) || begun < (this.after.get(task) ?? 0)) return;
    const work = async () => {
      await discriminant.head();
      await this.calibrate(task, discriminant);
      this.after.set(task, Date.now() + (Date.now() - begun) / REFINING_SHARE);
    };
    const refined = work().finally(() => this.running.delete(task));
    this.running.set(task, refined);
    const anew = () => {
      const since = this.unrefined(task).filter((label) => !before.has(label));
      this.labels.set(task, since);
      return this.refined(task);
    };
    // What fails here fails again, and is told, where an answer needs it.
    void refined.then(anew).catch(() => {});
  }

  /** Resolves when nothing is being factorized. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }
}
