import type { CovarianceFactor } from './covariance.js';
import { dot } from './linear.js';

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
    const x = Float64Array.from(this.scales, (scale, k) => scale * vector[k]!);
    this.covariance?.whiten(x);
    return x;
  }

  /** A sample in the new basis: it is worked out once, for it takes milliseconds, and not to be changed. */
  of(summary: Float32Array): Float64Array {
    const known = this.known.get(summary);
    if (known) return known;
    const x = this.apply(summary);
    this.known.set(summary, x);
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
  /** Of each mean from the middle. */
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
    this.lengths = this.means.map((mean) => Math.sqrt(this.products(mean, mean)));
    this.basis = orthonormal(this.means.map((mean) => mean.map((v, k) => v - this.middle[k]!)));
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
    const from = x.map((v, k) => v - this.middle[k]!);
    let across = dot(from, 0, from, 0, from.length);
    for (const b of this.basis) across -= dot(from, 0, b, 0, b.length) ** 2;
    return { nearest, distance, within: Math.max(0, distance - across), angle: this.angle(x) };
  }

  /**
   * Where a sample lies, seen from the middle of the class means: of unit length, or zero where it lies on the middle.
   * @param summary of one sample, [width]
   */
  direction(summary: Float32Array): Float32Array {
    const x = this.whitening.of(summary).slice();
    for (let k = 0; k < x.length; k++) x[k]! -= this.middle[k]!;
    const length = Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
    // What a sum in other order leaves of nothing has no direction.
    const least = 1e-6 * Math.sqrt(this.middle.reduce((sum, v) => sum + v * v, 0));
    return Float32Array.from(x, (v) => (length > least ? v / length : 0));
  }

  private angle(x: Float64Array): number {
    if (this.means.length < 2) return 0;
    const length = Math.sqrt(this.products(x, x));
    const cosines = this.means.map((mean, c) => this.products(x, mean) / (length * this.lengths[c]!));
    // Classes that lie on the middle have no direction.
    return Math.max(-1, ...cosines.filter((cosine) => Number.isFinite(cosine)));
  }

  /** Of two vectors from the middle. */
  private products(a: Float64Array, b: Float64Array): number {
    let sum = 0;
    for (let k = 0; k < a.length; k++) sum += (a[k]! - this.middle[k]!) * (b[k]! - this.middle[k]!);
    return sum;
  }
}

/** An orthonormal basis of the span of some vectors, by the modified Gram-Schmidt process. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of vectors) {
    const rest = vector.slice();
    for (const b of basis) {
      const along = dot(rest, 0, b, 0, b.length);
      for (let k = 0; k < rest.length; k++) rest[k]! -= along * b[k]!;
    }
    const length = Math.sqrt(dot(rest, 0, rest, 0, rest.length));
    // What rounding leaves of a vector in the span is no direction.
    if (length > 1e-6 * Math.sqrt(dot(vector, 0, vector, 0, vector.length)))
      basis.push(rest.map((v) => v / length));
  }
  return basis;
}
