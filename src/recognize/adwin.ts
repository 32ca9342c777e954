import type { DriftDetector } from './drift-detector.js';

export interface AdwinOptions {
  /** Confidence: the chance of an alarm without drift at one look. */
  delta: number;
  /** Values between two looks. */
  every: number;
}

export const ADWIN_DEFAULTS: AdwinOptions = { delta: 0.002, every: 8 };

/** Buckets of one size. */
const BUCKETS = 5;
/** Values in each part of a window that is compared, at least. */
const LEAST = 5;

/** Some values that came one after the other, of which only this is kept. */
interface Bucket {
  count: number;
  sum: number;
  /** Of squared deviations from their mean. */
  scatter: number;
}

/**
 * ADWIN (Bifet & Gavalda 2007, 'Learning from time-changing data with adaptive windowing', section 3.2, ADWIN2): a window
 * of the newest values as long as they have one mean. When two parts of it differ by more than chance explains, the
 * older is dropped, and that is drift. The window is kept in buckets whose sizes double, so that memory grows with its
 * logarithm. Values are from 0 to 1.
 */
export class Adwin implements DriftDetector {
  private readonly options: AdwinOptions;
  /** Oldest first. */
  private buckets: Bucket[] = [];
  private sinceLook = 0;

  constructor(options: Partial<AdwinOptions> = {}) {
    this.options = { ...ADWIN_DEFAULTS, ...options };
  }

  /** Values in the window. */
  get count(): number {
    return this.buckets.reduce((sum, b) => sum + b.count, 0);
  }

  /** Of the window. */
  get mean(): number {
    return this.buckets.reduce((sum, b) => sum + b.sum, 0) / Math.max(1, this.count);
  }

  add(value: number): boolean {
    this.buckets.push({ count: 1, sum: value, scatter: 0 });
    this.compress();
    if (++this.sinceLook < this.options.every) return false;
    this.sinceLook = 0;
    let drift = false;
    while (this.differs()) {
      this.buckets.shift();
      drift = true;
    }
    return drift;
  }

  reset(): void {
    this.buckets = [];
    this.sinceLook = 0;
  }

  /** Whether the window has two parts, older and newer, of different means. */
  private differs(): boolean {
    const all = this.buckets.reduce(joined, { count: 0, sum: 0, scatter: 0 });
    if (all.count < 2 * LEAST) return false;
    const variance = all.scatter / all.count;
    // Equation 3.1 with delta' = delta / ln n.
    const confidence = Math.log((2 * Math.log(all.count)) / this.options.delta);
    let older: Bucket = { count: 0, sum: 0, scatter: 0 };
    for (const bucket of this.buckets) {
      older = joined(older, bucket);
      const newer = all.count - older.count;
      if (older.count < LEAST) continue;
      if (newer < LEAST) return false;
      const apart = Math.abs(older.sum / older.count - (all.sum - older.sum) / newer);
      const harmonic = 1 / (1 / older.count + 1 / newer);
      const bound = Math.sqrt((2 / harmonic) * variance * confidence) + (2 / (3 * harmonic)) * confidence;
      if (apart > bound) return true;
    }
    return false;
  }

  /** Where there are more buckets of a size than may be, the two oldest become one of twice the size. */
  private compress(): void {
    let end = this.buckets.length;
    while (end > 0) {
      const size = this.buckets[end - 1]!.count;
      let begin = end;
      while (begin > 0 && this.buckets[begin - 1]!.count === size) begin--;
      if (end - begin <= BUCKETS) return;
      this.buckets.splice(begin, 2, joined(this.buckets[begin]!, this.buckets[begin + 1]!));
      end = begin + 1;
    }
  }
}

function joined(a: Bucket, b: Bucket): Bucket {
  const count = a.count + b.count;
  const apart = a.count > 0 && b.count > 0 ? a.sum / a.count - b.sum / b.count : 0;
  return {
    count,
    sum: a.sum + b.sum,
    scatter: a.scatter + b.scatter + (count > 0 ? (apart * apart * a.count * b.count) / count : 0),
  };
}
