import { cholesky, forward, rowStart, solve } from './linear.js';
import type { RowProducts } from './row-products.js';
import { ThinCovariance } from './thin-covariance.js';

/** A shrunken covariance of scaled features, [d, d], factorized. */
export interface CovarianceFactor {
  /** Brings a vector, [d], into a basis in which the covariance is the unit matrix; in place. */
  whiten(x: Float64Array): void;
  /** The same for many vectors, by the engine where that is faster, to float32's rounding. */
  whitenAll(products: RowProducts, rows: readonly Float64Array[]): Promise<void>;
  /** Solves covariance y = x; x, [d], becomes y. */
  solve(x: Float64Array): void;
}

/** Outer products of samples' deviations from their class means, summed up. */
export interface Scatter {
  /** The lower triangle, row by row: [d (d + 1) / 2]. */
  lower: Float32Array;
  /** How many samples are in it. */
  samples: number;
  /** At most so many directions have anything in them: samples less classes. */
  rank: number;
}

/** Up to this share of the features keeping a covariance's own directions takes less time, to factorize it and for each sample. */
const THIN = 1 / 8;

/**
 * Factorizes (1 - shrinkage) S / n + shrinkage t I, where S is the scatter of the scaled features, n the number of samples and
 * t the mean of S's diagonal, divided by n. Of few samples it is of low rank but for its diagonal, which saves most of the work
 * and of the memory.
 * @param scales what each feature is multiplied by, [d]
 */
export async function factorizeCovariance(
  scatter: Scatter,
  scales: Float64Array,
  shrinkage: number,
): Promise<CovarianceFactor> {
  const width = scales.length;
  const share = (1 - shrinkage) / scatter.samples;
  let trace = 0;
  for (let k = 0; k < width; k++)
    trace += (scatter.lower[rowStart(k) + k]! * scales[k]! * scales[k]!) / scatter.samples;
  // With one sample a class there is no scatter yet: the nearest mean answers.
  const ridge = trace > 0 ? (shrinkage * trace) / width : 1;
  const most = Math.floor(THIN * width);
  const thin =
    scatter.rank <= most && ridge > 0
      ? await ThinCovariance.factorize(scatter.lower, scales, share, ridge, most)
      : undefined;
  return thin ?? DenseCovariance.factorize(scatter.lower, scales, share, ridge);
}

/** A covariance as its Cholesky factor. */
class DenseCovariance implements CovarianceFactor {
  /** As `cholesky` keeps it. */
  private readonly lower: Float64Array;
  private readonly width: number;

  private constructor(lower: Float64Array, width: number) {
    this.lower = lower;
    this.width = width;
  }

  static async factorize(
    scatter: Float32Array,
    scales: Float64Array,
    share: number,
    ridge: number,
  ): Promise<DenseCovariance> {
    const width = scales.length;
    const lower = new Float64Array(rowStart(width));
    let at = 0;
    for (let i = 0; i < width; i++) {
      for (let j = 0; j <= i; j++) {
        lower[at] = share * scatter[at]! * scales[i]! * scales[j]!;
        at++;
      }
      lower[at - 1]! += ridge;
    }
    await cholesky(lower, width);
    return new DenseCovariance(lower, width);
  }

  whiten(x: Float64Array): void {
    forward(this.lower, this.width, x);
  }

  async whitenAll(_: RowProducts, rows: readonly Float64Array[]): Promise<void> {
    for (const row of rows) this.whiten(row);
  }

  solve(x: Float64Array): void {
    solve(this.lower, this.width, x);
  }
}
