import { Adwin } from './adwin.js';
import { PageHinkley } from './page-hinkley.js';

/** What a recognized sample tells of the stream that it came in. */
export interface StreamSample {
  /** That answered. */
  task: string;
  /** Of the answer, 0 to 1. */
  confidence: number;
  /** Share of known samples of the task that look at least as novel, 0 to 1; undefined where novelty is not measured. */
  pValue?: number;
}

/** What has changed. */
export type DriftKind = 'confidence' | 'novelty';

/**
 * Notices that a stream is no longer what was learned, without a label: answers become less sure, or samples lie where
 * known ones seldom do. ADWIN watches both, for slow changes; the Page-Hinkley test watches novelty, for sudden ones.
 *
 * How sure answers are is watched for each task apart: one is harder than another, and a stream that goes from an easy one to a
 * hard one, both known, has not drifted. P-values are of each task's own samples and mean the same in all.
 */
export class DriftMonitor {
  private readonly confidence = new Map<string, Adwin>();
  private readonly novelty = new Adwin();
  private readonly sudden = new PageHinkley();

  add({ task, confidence, pValue }: StreamSample): DriftKind | undefined {
    const own = this.confidence.get(task) ?? new Adwin();
    this.confidence.set(task, own);
    const lessSure = fellIn(own, confidence);
    if (pValue === undefined) return lessSure ? 'confidence' : undefined;
    const slow = fellIn(this.novelty, pValue);
    // Known samples have p-values spread evenly over 0 to 1: their excess over the mean is of no sign.
    const fast = this.sudden.add(1 - pValue);
    if (!slow && !fast) return lessSure ? 'confidence' : undefined;
    this.reset();
    return 'novelty';
  }

  private reset(): void {
    this.confidence.clear();
    this.novelty.reset();
    this.sudden.reset();
  }
}

/** Takes a value in; whether the mean has changed, and for the worse. */
function fellIn(window: Adwin, value: number): boolean {
  const before = window.mean;
  return window.add(value) && window.mean < before;
}
