import type { CovarianceFactor } from './covariance.js';
import { dot } from './linear.js';
import type { RowProducts } from './row-products.js';

/** What a new sample says of the classes. */
export interface Evidence {
  /** The class whose mean is nearest. */
  nearest: number;
  /** Squared Mahalanobis distance to it. */
  distance: number;
  /** The part of it along the directions in which class means differ: within their span; 0 with a single class. */
  within: number;
  /**
   * Cosine between the sample and the class mean that it points to most, both seen from the middle of all class means;
   * 0 with a single class, which has no direction.
   */
  angle: number;
}

/** A change of basis after which a covariance is the unit matrix. */
export class Whitening {
  private readonly scales: Float64Array;
  private readonly covariance: CovarianceFactor | undefined;
  private readonly known = new WeakMap<Float32Array, Float64Array>();

  /**
   * @param scales what each feature is multiplied by
   * @param covariance of the scaled features; left out where it is the unit matrix
   */
  constructor(scales: Float64Array, covariance?: CovarianceFactor) {
    this.scales = scales;
    this.covariance = covariance;
  }

  /** How many features there are. */
  get width(): number {
    return this.scales.length;
  }

  /** A vector in the new basis. */
  apply(vector: ArrayLike<number>): Float64Array {
    const x = this.scaled(vector);
    this.covariance?.whiten(x);
    return x;
  }

  /** Works samples out that `of` will be asked for, together and by the engine. */
  async prepare(products: RowProducts, summaries: readonly Float32Array[]): Promise<void> {
    const missing = [...new Set(summaries)].filter((summary) => !this.known.has(summary));
    if (missing.length === 0) return;
    const rows = missing.map((summary) => this.scaled(summary));
    await this.covariance?.whitenAll(products, rows);
    for (const [i, summary] of missing.entries()) this.known.set(summary, rows[i]!);
  }

  /** A sample in the new basis: it is worked out once, for it takes milliseconds, and not to be changed. */
  of(summary: Float32Array): Float64Array {
    const known = this.known.get(summary);
    if (known) return known;
    const x = this.apply(summary);
    this.known.set(summary, x);
    return x;
  }

  private scaled(vector: ArrayLike<number>): Float64Array {
    const x = this.scales.slice();
    for (let k = 0; k < x.length; k++) x[k]! *= vector[k]!;
    return x;
  }
}

/**
 * Classes in the space where their shared covariance is the unit matrix: there, distance and angle mean the same in all
 * directions. The nearest class is what the linear discriminant answers where classes are equally likely.
 */
export class WhitenedClasses {
  /** In the order of `Evidence.nearest`. */
  readonly classes: readonly string[];
  readonly whitening: Whitening;
  private readonly means: readonly Float64Array[];
  private readonly middle: Float64Array;
  /** Each mean, seen from the middle, and its length. */
  private readonly apart: readonly Float64Array[];
  private readonly lengths: readonly number[];
  /** Orthonormal, of the span of the means seen from the middle. */
  private readonly basis: readonly Float64Array[];

  /**
   * @param means of each class, [width]
   */
  constructor(classes: readonly string[], means: readonly Float64Array[], whitening: Whitening) {
    this.classes = [...classes];
    this.whitening = whitening;
    this.means = means.map((m) => whitening.apply(m));
    const { width } = whitening;
    this.middle = new Float64Array(width);
    for (const mean of this.means) for (let k = 0; k < width; k++) this.middle[k]! += mean[k]! / means.length;
    this.apart = this.means.map((mean) => this.fromMiddle(mean));
    this.lengths = this.apart.map(lengthOf);
    this.basis = orthonormal(this.apart);
  }

  /** @param summary of one sample, [width] */
  evidence(summary: Float32Array): Evidence {
    const x = this.whitening.of(summary);
    let nearest = 0;
    let distance = Number.POSITIVE_INFINITY;
    for (const [c, mean] of this.means.entries()) {
      let sum = 0;
      for (let k = 0; k < mean.length; k++) sum += (x[k]! - mean[k]!) ** 2;
      if (sum < distance) [nearest, distance] = [c, sum];
    }
    // Across the span of the means all classes are as far away.
    const from = this.fromMiddle(x);
    let across = dot(from, 0, from, 0, from.length);
    for (const b of this.basis) across -= dot(from, 0, b, 0, b.length) ** 2;
    return { nearest, distance, within: Math.max(0, distance - across), angle: this.angle(from) };
  }

  /**
   * Where a sample lies, seen from the middle of the class means: of unit length, or zero where it lies on the middle.
   * @param summary of one sample, [width]
   */
  direction(summary: Float32Array): Float32Array {
    const x = this.fromMiddle(this.whitening.of(summary));
    const length = lengthOf(x);
    // What a sum in other order leaves of nothing has no direction.
    const share = length > 1e-6 * lengthOf(this.middle) ? 1 / length : 0;
    const direction = new Float32Array(x.length);
    for (let k = 0; k < x.length; k++) direction[k] = share * x[k]!;
    return direction;
  }

  /** @param x a sample, from the middle */
  private angle(x: Float64Array): number {
    if (this.apart.length < 2) return 0;
    const length = lengthOf(x);
    const cosines = this.apart.map((mean, c) => dot(x, 0, mean, 0, x.length) / (length * this.lengths[c]!));
    // Classes that lie on the middle have no direction.
    return Math.max(-1, ...cosines.filter((cosine) => Number.isFinite(cosine)));
  }

  private fromMiddle(x: Float64Array): Float64Array {
    const from = x.slice();
    for (let k = 0; k < from.length; k++) from[k]! -= this.middle[k]!;
    return from;
  }
}

const lengthOf = (x: Float64Array): number => Math.sqrt(dot(x, 0, x, 0, x.length));

/** An orthonormal basis of the span of some vectors, by the modified Gram-Schmidt process. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of vectors) {
    const rest = vector.slice();
    for (const b of basis) {
      const along = dot(rest, 0, b, 0, b.length);
      for (let k = 0; k < rest.length; k++) rest[k]! -= along * b[k]!;
    }
    const length = lengthOf(rest);
    // What rounding leaves of a vector in the span is no direction.
    if (length > 1e-6 * lengthOf(vector)) basis.push(rest.map((v) => v / length));
  }
  return basis;
}
