import type { DriftDetector } from './drift-detector.js';

export interface PageHinkleyOptions {
  /** Changes of the mean up to this are borne. */
  tolerance: number;
  /** How much the values may run away in all before it is drift. */
  threshold: number;
  /** Values before anything is said. */
  least: number;
}

/**
 * For values from 0 to 1 that are spread evenly while nothing changes (p-values): one false alarm in about 200,000, and
 * some 20 values until a change to values near 1 is told.
 */
export const PAGE_HINKLEY_DEFAULTS: PageHinkleyOptions = { tolerance: 0.05, threshold: 8, least: 30 };

/**
 * The Page-Hinkley test (Page 1954; Hinkley 1971) for a mean that rises: the values' excess over their mean so far, less a
 * tolerance, is added up, and drift is told when the sum has risen by the threshold above its lowest.
 */
export class PageHinkley implements DriftDetector {
  private readonly options: PageHinkleyOptions;
  private count = 0;
  private mean = 0;
  private sum = 0;
  private lowest = 0;

  constructor(options: Partial<PageHinkleyOptions> = {}) {
    this.options = { ...PAGE_HINKLEY_DEFAULTS, ...options };
  }

  add(value: number): boolean {
    const { tolerance, threshold, least } = this.options;
    this.count++;
    this.mean += (value - this.mean) / this.count;
    this.sum += value - this.mean - tolerance;
    this.lowest = Math.min(this.lowest, this.sum);
    if (this.count < least || this.sum - this.lowest <= threshold) return false;
    this.reset();
    return true;
  }

  reset(): void {
    this.count = 0;
    this.mean = 0;
    this.sum = 0;
    this.lowest = 0;
  }
}
