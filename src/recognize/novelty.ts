import { LichenError } from '../errors.js';
import type { Evidence } from '../learn/streaming/whitened.js';

/** Distances from known samples up to so many deviations beyond their mean say nothing. */
const WITHIN = 3;

/**
 * Whether any class explains a sample. Two things speak against it: that it points away from all classes, and that it
 * lies farther out than known samples do. Things of another kind lie far out, things of the same kind that are new point
 * elsewhere (measured in docs/recognition.md). Both are counted in deviations of known samples.
 *
 * The threshold is conformal (Vovk, Gammerman & Shafer 2005): of new samples of known classes at most the chosen share is
 * called novel, on average over draws of the calibration samples, whatever the scores' distribution.
 */
export class Novelty {
  /** Scores above it are novel; infinite where there are too few samples for the rate. */
  readonly threshold: number;
  private readonly angle: { mean: number; deviation: number };
  private readonly distance: { mean: number; deviation: number };
  /** Of the calibration samples, ascending. */
  private readonly scores: readonly number[];

  /**
   * @param known evidence of samples of known classes that nothing was fitted on
   * @param falseAlarms share of known samples that may be called novel, above 0 and below 1
   * @throws LichenError `novelty-rate`
   */
  constructor(known: readonly Evidence[], falseAlarms: number) {
    if (!(falseAlarms > 0 && falseAlarms < 1)) {
      throw new LichenError(
        'novelty-rate',
        `the false-alarm rate is ${falseAlarms}; expected a share above 0 and below 1, such as 0.05`,
      );
    }
    this.angle = spread(known.map((e) => e.angle));
    this.distance = spread(known.map((e) => e.distance));
    this.scores = known.map((e) => this.score(e)).sort((a, b) => a - b);
    const rank = Math.ceil((known.length + 1) * (1 - falseAlarms));
    this.threshold = this.scores[rank - 1] ?? Number.POSITIVE_INFINITY;
  }

  /** The fewest calibration samples with which anything can be called novel at a rate. */
  static samplesFor(falseAlarms: number): number {
    return Math.ceil(1 / falseAlarms) - 1;
  }

  /** How much speaks against all classes; higher is more novel. */
  score({ angle, distance }: Evidence): number {
    const turned = (this.angle.mean - angle) / this.angle.deviation;
    const out = (distance - this.distance.mean) / this.distance.deviation;
    return turned + Math.max(0, out - WITHIN);
  }

  isNovel(evidence: Evidence): boolean {
    return this.score(evidence) > this.threshold;
  }

  /** The share of known samples that look at least as novel: the conformal p-value, above 0 and at most 1. */
  pValue(evidence: Evidence): number {
    const score = this.score(evidence);
    const below = this.scores.filter((s) => s < score).length;
    return (this.scores.length - below + 1) / (this.scores.length + 1);
  }
}

function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / Math.max(1, values.length);
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length);
  // Of equal values each deviation is as good as another.
  return { mean, deviation: Math.sqrt(variance) || 1 };
}
