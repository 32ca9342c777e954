import { cholesky, dot, forward, PAUSE_EVERY, pause, rowStart, solve } from './linear.js';
import type { Matrix, RowProducts } from './row-products.js';

/** What is left of a diagonal element where its direction counts as found, as a share of the ridge. */
const LEFT = 1e-3;

/**
 * A covariance H H' + ridge I whose H, [d, r], has few columns, as Q (C + ridge I) Q': the columns of Q are an orthonormal basis
 * that begins with the span of H, and C is H H' in it, zero but for its first [r, r]. With Q as a product of Householder
 * reflections (Golub & Van Loan, Matrix Computations, section 5.2) a change of basis takes 2 d r multiplications in place of
 * d^2 / 2, and d r numbers are kept in place of d^2 / 2.
 */
export class ThinCovariance {
  /** Vectors v of the reflections I - v v', [r, d], the first k elements of vector k zero. */
  private readonly reflections: Float32Array;
  /** v_k' v_k+1 of each even k. */
  private readonly overlaps: Float64Array;
  /** Cholesky factor of C + ridge I within the span, as `cholesky` keeps it. */
  private readonly inner: Float64Array;
  private readonly width: number;
  private readonly rank: number;
  private readonly ridge: number;
  /** T' of `accumulate`, once it was asked for. */
  private accumulated: Promise<Matrix> | undefined;

  private constructor(columns: readonly Float64Array[], inner: Float64Array, width: number, ridge: number) {
    this.inner = inner;
    this.width = width;
    this.rank = columns.length;
    this.ridge = ridge;
    this.reflections = new Float32Array(this.rank * width);
    for (const [k, v] of columns.entries()) this.reflections.set(v, k * width);
    this.overlaps = Float64Array.from({ length: Math.ceil(this.rank / 2) }, (_, pair) => {
      const next = columns[2 * pair + 1];
      return next ? dot(columns[2 * pair]!, 0, next, 0, width) : 0;
    });
  }

  /**
   * @param scatter the lower triangle of a positive semi-definite matrix, row by row, [d (d + 1) / 2]
   * @param scales what its rows and columns are multiplied by, [d]
   * @param share what it is multiplied by
   * @param ridge above 0
   * @param most columns that H may have
   * @returns undefined where they are not enough
   */
  static async factorize(
    scatter: Float32Array,
    scales: Float64Array,
    share: number,
    ridge: number,
    most: number,
  ): Promise<ThinCovariance | undefined> {
    const columns = await pivotedCholesky(scatter, scales, share, LEFT * ridge, most);
    if (!columns) return undefined;
    const triangle = await householder(columns);
    const rank = columns.length;
    const inner = new Float64Array(rowStart(rank));
    for (let i = 0; i < rank; i++) {
      // Row i of the triangle begins at its diagonal.
      for (let j = 0; j <= i; j++)
        inner[rowStart(i) + j] = dot(triangle[i]!, 0, triangle[j]!, i - j, rank - i);
      inner[rowStart(i) + i]! += ridge;
    }
    await cholesky(inner, rank);
    return new ThinCovariance(columns, inner, scales.length, ridge);
  }

  whiten(x: Float64Array): void {
    for (let k = 0; k < this.rank; k += 2) this.reflect(k, x, false);
    this.scale(x);
  }

  /** `whiten` of many vectors, to float32's rounding: all reflections at once, by the engine. */
  async whitenAll(products: RowProducts, rows: readonly Float64Array[]): Promise<void> {
    const { width, rank } = this;
    if (rank > 0) {
      const vectors = { data: this.reflections, count: rank, width };
      this.accumulated ??= this.accumulate(products);
      const data = new Float32Array(rows.length * width);
      for (const [i, row] of rows.entries()) data.set(row, i * width);
      const a = { data, count: rows.length, width };
      const reflected = await products.reflected(a, vectors, await this.accumulated);
      for (const [i, row] of rows.entries()) row.set(reflected.subarray(i * width, (i + 1) * width));
    }
    for (const row of rows) this.scale(row);
  }

  /** Whitens what the reflections have made of a vector. */
  private scale(x: Float64Array): void {
    forward(this.inner, this.rank, x);
    const scale = 1 / Math.sqrt(this.ridge);
    for (let i = this.rank; i < this.width; i++) x[i]! *= scale;
  }

  /**
   * T', a lower triangle, where the product of all reflections is I - V T V' and the columns of V are their vectors (Schreiber &
   * Van Loan 1989, the compact WY representation).
   */
  private async accumulate(products: RowProducts): Promise<Matrix> {
    const { rank, width } = this;
    const vectors = { data: this.reflections, count: rank, width };
    const overlaps = await products.of(vectors, vectors);
    const data = new Float32Array(rank * rank);
    for (let k = 0; k < rank; k++) {
      const row = data.subarray(k * rank, (k + 1) * rank);
      row[k] = 1;
      // One reflection more: what it shares with those before it is taken off by them, too.
      for (let i = 0; i < k; i++) {
        const overlap = overlaps[k * rank + i]!;
        for (let j = 0; j <= i; j++) row[j]! -= overlap * data[i * rank + j]!;
      }
    }
    return { data, count: rank, width: rank };
  }

  solve(x: Float64Array): void {
    for (let k = 0; k < this.rank; k += 2) this.reflect(k, x, false);
    solve(this.inner, this.rank, x);
    for (let i = this.rank; i < this.width; i++) x[i]! /= this.ridge;
    for (let pair = this.overlaps.length - 1; pair >= 0; pair--) this.reflect(2 * pair, x, true);
  }

  /**
   * Applies reflections k, which is even, and k + 1, if there is one; in place, and both in one pass over x.
   * @param reversed whether k + 1 comes first
   */
  private reflect(k: number, x: Float64Array, reversed: boolean): void {
    const v = this.reflections;
    const overlap = this.overlaps[k / 2]!;
    const [at, below] = [k * this.width, k + 1];
    // Where there is none, its part is multiplied by zero.
    const other = below < this.rank ? at + this.width : at;
    const both = below < this.rank ? 1 : 0;
    let p = v[at + k]! * x[k]!;
    let q = 0;
    let p1 = 0;
    let q1 = 0;
    let i = below;
    for (; i + 1 < x.length; i += 2) {
      const a = x[i]!;
      const b = x[i + 1]!;
      p += v[at + i]! * a;
      p1 += v[at + i + 1]! * b;
      q += v[other + i]! * a;
      q1 += v[other + i + 1]! * b;
    }
    if (i < x.length) {
      p += v[at + i]! * x[i]!;
      q += v[other + i]! * x[i]!;
    }
    p += p1;
    q = both * (q + q1);
    if (reversed) p -= overlap * q;
    else q -= both * overlap * p;
    x[k]! -= p * v[at + k]!;
    for (i = below; i < x.length; i++) x[i]! -= p * v[at + i]! + q * v[other + i]!;
  }
}

/**
 * Cholesky factorization with the largest diagonal element next, until nothing larger than `left` remains on the diagonal
 * (Harbrecht, Peters & Schneider 2012, algorithm 1): of a matrix of rank r it needs r columns.
 * @returns columns, [d] each, whose outer products add up to the matrix; undefined where more than `most` are needed
 */
async function pivotedCholesky(
  scatter: Float32Array,
  scales: Float64Array,
  share: number,
  left: number,
  most: number,
): Promise<Float64Array[] | undefined> {
  const width = scales.length;
  const element = (i: number, j: number) => {
    const at = i > j ? rowStart(i) + j : rowStart(j) + i;
    return share * scatter[at]! * scales[i]! * scales[j]!;
  };
  const diagonal = Float64Array.from({ length: width }, (_, i) => element(i, i));
  const columns: Float64Array[] = [];
  let work = 0;
  for (;;) {
    let pivot = 0;
    for (let i = 1; i < width; i++) if (diagonal[i]! > diagonal[pivot]!) pivot = i;
    if (diagonal[pivot]! <= left) return columns;
    if (columns.length === most) return undefined;
    const column = Float64Array.from({ length: width }, (_, i) => element(i, pivot));
    subtractEarlier(column, columns, pivot);
    const root = Math.sqrt(diagonal[pivot]!);
    for (let i = 0; i < width; i++) {
      column[i]! /= root;
      diagonal[i]! -= column[i]! ** 2;
    }
    // What rounding leaves there is not to be found again.
    diagonal[pivot] = 0;
    columns.push(column);
    work += width * columns.length;
    if (work > PAUSE_EVERY) {
      work = 0;
      await pause();
    }
  }
}

/** Takes off each earlier column, times its own element of the pivot; four at a time, so that the new one is read seldom. */
function subtractEarlier(column: Float64Array, columns: readonly Float64Array[], pivot: number): void {
  let j = 0;
  for (; j + 3 < columns.length; j += 4) {
    const a = columns[j]!;
    const b = columns[j + 1]!;
    const c = columns[j + 2]!;
    const d = columns[j + 3]!;
    const [p, q, r, s] = [a[pivot]!, b[pivot]!, c[pivot]!, d[pivot]!];
    for (let i = 0; i < column.length; i++) column[i]! -= p * a[i]! + q * b[i]! + (r * c[i]! + s * d[i]!);
  }
  for (; j < columns.length; j++) {
    const a = columns[j]!;
    const p = a[pivot]!;
    for (let i = 0; i < column.length; i++) column[i]! -= p * a[i]!;
  }
}

/**
 * QR decomposition by Householder reflections. Column k becomes the vector v of reflection I - v v', zero above its element k.
 * Two reflections at a time are applied to the columns after them.
 * @returns the rows of R, each from its diagonal on
 */
async function householder(columns: readonly Float64Array[]): Promise<Float64Array[]> {
  const rank = columns.length;
  const rows = columns.map((_, k) => new Float64Array(rank - k));
  const nothing = new Float64Array(columns[0]?.length ?? 0);
  let work = 0;
  for (let k = 0; k < rank; k += 2) {
    const first = columns[k]!;
    rows[k]![0] = reflectionOf(first, k);
    const second = columns[k + 1];
    if (!second) break;
    reflectBoth(second, first, nothing, 0, k);
    rows[k]![1] = second[k]!;
    rows[k + 1]![0] = reflectionOf(second, k + 1);
    const overlap = dot(first, k, second, k, first.length - k);
    for (let j = k + 2; j < rank; j++) {
      const column = columns[j]!;
      reflectBoth(column, first, second, overlap, k);
      rows[k]![j - k] = column[k]!;
      rows[k + 1]![j - k - 1] = column[k + 1]!;
    }
    work += 4 * (first.length - k) * (rank - k);
    if (work > PAUSE_EVERY) {
      work = 0;
      await pause();
    }
  }
  return rows;
}

/** Makes a column the vector of the reflection that leaves nothing of it below element k; returns what is left there. */
function reflectionOf(v: Float64Array, k: number): number {
  const n = v.length - k;
  const length = Math.sqrt(dot(v, k, v, k, n));
  const left = v[k]! > 0 ? -length : length;
  v.fill(0, 0, k);
  v[k]! -= left;
  const norm = Math.sqrt(dot(v, k, v, k, n) / 2);
  // A column without anything below needs no reflection.
  for (let i = k; i < v.length; i++) v[i] = norm > 0 ? v[i]! / norm : 0;
  return left;
}

/** x becomes (I - w w') (I - v v') x, from an element on. @param overlap v' w */
function reflectBoth(
  x: Float64Array,
  v: Float64Array,
  w: Float64Array,
  overlap: number,
  begin: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let t0 = 0;
  let t1 = 0;
  let i = begin;
  for (; i + 1 < x.length; i += 2) {
    const a = x[i]!;
    const b = x[i + 1]!;
    s0 += v[i]! * a;
    s1 += v[i + 1]! * b;
    t0 += w[i]! * a;
    t1 += w[i + 1]! * b;
  }
  if (i < x.length) {
    s0 += v[i]! * x[i]!;
    t0 += w[i]! * x[i]!;
  }
  const s = s0 + s1;
  const t = t0 + t1 - overlap * s;
  for (i = begin; i < x.length; i++) x[i]! -= s * v[i]! + t * w[i]!;
}
