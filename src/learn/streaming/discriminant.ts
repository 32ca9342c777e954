import type { Rows } from '../network.js';
import { cholesky, dot, gram, rowStart, solve } from './linear.js';

/**
 * The linear discriminant with a shared, shrunken covariance, in closed form: score of class c on x is
 * x' S^-1 m_c - m_c' S^-1 m_c / 2, with S = (1 - a) W + a (tr W / d) I, W the covariance within classes and m_c
 * the class means (Hastie, Tibshirani & Friedman, section 4.3; shrinkage towards the mean variance as Ledoit &
 * Wolf 2004). Classes count as equally likely. Where the features come in blocks of unlike scale, each block is
 * first divided by its own deviation within classes, and the weights are given for the features as they came.
 *
 * Everything is computed from the samples' inner products, so that the cost grows with the number of samples
 * and not with that of features: n samples need one n x n factorization per shrinkage.
 */
export class Discriminant {
  private readonly rows: Rows;
  private readonly labels: ArrayLike<number>;
  private readonly classes: number;
  private readonly products: Float64Array;
  /** What each feature was multiplied by. */
  private readonly scales: Float64Array;

  private constructor(
    rows: Rows,
    labels: ArrayLike<number>,
    classes: number,
    products: Float64Array,
    scales: Float64Array,
  ) {
    this.rows = rows;
    this.scales = scales;
    this.labels = labels;
    this.classes = classes;
    this.products = products;
  }

  /**
   * @param rows features of the samples; `labels[i]` in 0..classes-1
   * @param blocks widths of blocks of features that share a scale; they sum to the rows' width
   */
  static async prepare(
    rows: Rows,
    labels: ArrayLike<number>,
    classes: number,
    blocks: readonly number[] = [rows.width],
  ): Promise<Discriminant> {
    const scales = blockScales(rows, labels, classes, blocks);
    const data = rows.data.map((v, i) => v * scales[i % rows.width]!);
    const products = await gram(data, rows.count, rows.width);
    return new Discriminant({ ...rows, data }, labels, classes, products, scales);
  }

  /**
   * Fits on all samples.
   * @returns weight [classes, features] and bias; a class without samples is never the answer
   */
  async fit(shrinkage: number): Promise<{ weight: Float32Array; bias: Float32Array }> {
    const { count: n, width: d, data } = this.rows;
    const all = Array.from({ length: n }, (_, i) => i);
    const { coefficients, bias } = await this.dual(all, shrinkage);
    const weight = new Float32Array(this.classes * d);
    const row = new Float64Array(d);
    for (let c = 0; c < this.classes; c++) {
      row.fill(0);
      for (let i = 0; i < n; i++) {
        const a = coefficients[c * n + i]!;
        if (a !== 0) for (let k = 0; k < d; k++) row[k]! += a * data[i * d + k]!;
      }
      for (let k = 0; k < d; k++) weight[c * d + k] = row[k]! * this.scales[k]!;
    }
    return { weight, bias };
  }

  /**
   * Scores samples of this set by a discriminant fitted on others of it, as cross-validation needs it.
   * @returns [tested.length, classes]
   */
  async crossScores(fitted: readonly number[], tested: readonly number[], shrinkage: number): Promise<Rows> {
    const { coefficients, bias } = await this.dual(fitted, shrinkage);
    const n = fitted.length;
    const data = new Float32Array(tested.length * this.classes);
    const products = new Float64Array(n);
    tested.forEach((t, row) => {
      for (let i = 0; i < n; i++) products[i] = this.products[t * this.rows.count + fitted[i]!]!;
      for (let c = 0; c < this.classes; c++) {
        data[row * this.classes + c] = bias[c]! + dot(coefficients, c * n, products, 0, n);
      }
    });
    return { data, count: tested.length, width: this.classes };
  }

  /** The discriminant's weights as combinations of the samples `index`: [classes, index.length]. */
  private async dual(
    index: readonly number[],
    shrinkage: number,
  ): Promise<{ coefficients: Float64Array; bias: Float32Array }> {
    const n = index.length;
    const total = this.rows.count;
    const counts = new Float64Array(this.classes);
    for (const i of index) counts[this.labels[i]!]!++;
    // Z = (I - P) X: samples less their class mean. Z Z' = (I - P) G (I - P).
    const left = new Float64Array(this.classes * n);
    const g = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      const c = this.labels[index[i]!]!;
      for (let j = 0; j < n; j++) {
        const value = this.products[index[i]! * total + index[j]!]!;
        g[i * n + j] = value;
        left[c * n + j]! += value / counts[c]!;
      }
    }
    // left[c, j] = m_c . x_j ; between[c, e] = m_c . m_e
    const between = new Float64Array(this.classes * this.classes);
    for (let c = 0; c < this.classes; c++) {
      for (let j = 0; j < n; j++) {
        const e = this.labels[index[j]!]!;
        between[c * this.classes + e]! += left[c * n + j]! / counts[e]!;
      }
    }
    let trace = 0;
    for (let i = 0; i < n; i++) {
      const ci = this.labels[index[i]!]!;
      for (let j = 0; j < n; j++) {
        const cj = this.labels[index[j]!]!;
        g[i * n + j]! += between[ci * this.classes + cj]! - left[ci * n + j]! - left[cj * n + i]!;
      }
      trace += g[i * n + i]!;
    }
    // S = ridge I + share Z'Z
    // With one sample a class, or copies, there is no scatter to speak of: the nearest mean answers.
    const squares = index.reduce((sum, i) => sum + this.products[i * total + i]!, 0);
    const ridge = trace > 1e-9 * squares ? (shrinkage * trace) / n / this.rows.width : 1;
    const share = (1 - shrinkage) / n;
    const zz = new Float64Array(rowStart(n));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) zz[rowStart(i) + j] = g[i * n + j]! * share;
      zz[rowStart(i) + i]! += ridge;
    }
    await cholesky(zz, n);
    // S^-1 m = (m - share Z' (ridge I + share Z Z')^-1 Z m) / ridge
    const coefficients = new Float64Array(this.classes * n);
    const bias = new Float32Array(this.classes).fill(Number.NEGATIVE_INFINITY);
    const zm = new Float64Array(n);
    const perClass = new Float64Array(this.classes);
    for (let c = 0; c < this.classes; c++) {
      if (counts[c] === 0) continue;
      for (let i = 0; i < n; i++) {
        zm[i] = left[c * n + i]! - between[this.labels[index[i]!]! * this.classes + c]!;
      }
      solve(zz, n, zm);
      perClass.fill(0);
      for (let i = 0; i < n; i++) perClass[this.labels[index[i]!]!]! += zm[i]!;
      let quadratic = 0;
      for (let i = 0; i < n; i++) {
        const ci = this.labels[index[i]!]!;
        const mean = ci === c ? 1 / counts[c]! : 0;
        const a = (mean - share * (zm[i]! - perClass[ci]! / counts[ci]!)) / ridge;
        coefficients[c * n + i] = a;
        quadratic += a * left[c * n + i]!;
      }
      bias[c] = -quadratic / 2;
    }
    return { coefficients, bias };
  }
}

/** For every feature one over the root mean variance within classes of its block. */
function blockScales(
  rows: Rows,
  labels: ArrayLike<number>,
  classes: number,
  blocks: readonly number[],
): Float64Array {
  const { data, count, width } = rows;
  const means = new Float64Array(classes * width);
  const counts = new Float64Array(classes);
  for (let i = 0; i < count; i++) {
    const c = labels[i]!;
    counts[c]!++;
    for (let k = 0; k < width; k++)
      means[c * width + k]! += (data[i * width + k]! - means[c * width + k]!) / counts[c]!;
  }
  const variance = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < width; k++)
      variance[k]! += (data[i * width + k]! - means[labels[i]! * width + k]!) ** 2;
  }
  const scales = new Float64Array(width);
  let from = 0;
  for (const block of blocks) {
    const total = variance.subarray(from, from + block).reduce((a, b) => a + b, 0);
    scales.fill(total > 0 ? 1 / Math.sqrt(total / block / count) : 1, from, from + block);
    from += block;
  }
  return scales;
}
