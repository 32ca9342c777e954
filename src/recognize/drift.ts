import { Adwin } from './adwin.js';
import { PageHinkley } from './page-hinkley.js';

/** What a recognized sample tells of the stream that it came in. */
export interface StreamSample {
  /** Of the answer, 0 to 1. */
  confidence: number;
  /** Share of known samples that look at least as novel, 0 to 1; undefined where novelty is not measured. */
  pValue?: number;
}

/** What has changed. */
export type DriftKind = 'confidence' | 'novelty';

/**
 * Notices that a stream is no longer what was learned, without a label: answers become less sure, or samples lie where
 * known ones seldom do. ADWIN watches both, for slow changes; the Page-Hinkley test watches novelty, for sudden ones.
 */
export class DriftMonitor {
  private readonly confidence = new Adwin();
  private readonly novelty = new Adwin();
  private readonly sudden = new PageHinkley();

  add({ confidence, pValue }: StreamSample): DriftKind | undefined {
    // Means before the change: one for the better is no drift.
    const before = { confidence: this.confidence.mean, pValue: this.novelty.mean };
    const lessSure = this.confidence.add(confidence) && this.confidence.mean < before.confidence;
    if (pValue === undefined) return lessSure ? 'confidence' : undefined;
    const slow = this.novelty.add(pValue) && this.novelty.mean < before.pValue;
    // Known samples have p-values spread evenly over 0 to 1: their excess over the mean is of no sign.
    const fast = this.sudden.add(1 - pValue);
    if (!slow && !fast) return lessSure ? 'confidence' : undefined;
    this.reset();
    return 'novelty';
  }

  private reset(): void {
    this.confidence.reset();
    this.novelty.reset();
    this.sudden.reset();
  }
}
