/** Multiplications between two pauses of a long computation: a few milliseconds. */
export const PAUSE_EVERY = 8_000_000;

/** Lets timers, sockets and signals have their turn. */
export const pause = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The inner product of two rows, of `n` elements each. */
export function dot(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (; k + 3 < n; k += 4) {
    s0 += a[i + k]! * b[j + k]!;
    s1 += a[i + k + 1]! * b[j + k + 1]!;
    s2 += a[i + k + 2]! * b[j + k + 2]!;
    s3 += a[i + k + 3]! * b[j + k + 3]!;
  }
  for (; k < n; k++) s0 += a[i + k]! * b[j + k]!;
  return s0 + s1 + (s2 + s3);
}

/** `dot` of one row with two others, to the same bits: each of its elements is read once for both. */
function dots(a: Float32Array, i: number, j: number, k: number, n: number, into: Float64Array): void {
  let p0 = 0;
  let p1 = 0;
  let p2 = 0;
  let p3 = 0;
  let q0 = 0;
  let q1 = 0;
  let q2 = 0;
  let q3 = 0;
  let m = 0;
  for (; m + 3 < n; m += 4) {
    const x0 = a[i + m]!;
    const x1 = a[i + m + 1]!;
    const x2 = a[i + m + 2]!;
    const x3 = a[i + m + 3]!;
    p0 += x0 * a[j + m]!;
    p1 += x1 * a[j + m + 1]!;
    p2 += x2 * a[j + m + 2]!;
    p3 += x3 * a[j + m + 3]!;
    q0 += x0 * a[k + m]!;
    q1 += x1 * a[k + m + 1]!;
    q2 += x2 * a[k + m + 2]!;
    q3 += x3 * a[k + m + 3]!;
  }
  for (; m < n; m++) {
    p0 += a[i + m]! * a[j + m]!;
    q0 += a[i + m]! * a[k + m]!;
  }
  into[0] = p0 + p1 + (p2 + p3);
  into[1] = q0 + q1 + (q2 + q3);
}

/**
 * The inner products of the rows of a matrix, [n, n] in row-major order.
 * @param rows n rows of d values
 */
export async function gram(rows: Float32Array, n: number, d: number): Promise<Float64Array> {
  const g = new Float64Array(n * n);
  const pair = new Float64Array(2);
  let work = 0;
  for (let i = 0; i < n; i++) {
    let j = 0;
    for (; j < i; j += 2) {
      dots(rows, i * d, j * d, (j + 1) * d, d, pair);
      g[j * n + i] = g[i * n + j] = pair[0]!;
      g[(j + 1) * n + i] = g[i * n + j + 1] = pair[1]!;
    }
    if (j === i) g[i * n + i] = dot(rows, i * d, rows, i * d, d);
    work += (i + 1) * d;
    if (work > PAUSE_EVERY) {
      work = 0;
      await pause();
    }
  }
  return g;
}

/** Columns that are factorized together, and how much of a row is multiplied at a time: both stay in the cache. */
const COLUMNS = 64;
const LENGTH = 256;

/** Where a row begins in a lower triangle that is kept row by row, without the zeros above it. */
export const rowStart = (i: number): number => (i * (i + 1)) / 2;

/**
 * Cholesky factor of a symmetric positive definite matrix, in place: its lower triangle, row by row, [n (n + 1) / 2],
 * becomes L with a = L L'. Block by block of columns, from the left: nearly all of the work is products of short rows that are in
 * the cache, at four times the speed of whole rows one by one.
 * @throws RangeError when the matrix is not positive definite
 */
export async function cholesky(a: Float64Array, n: number): Promise<void> {
  let work = 0;
  for (let from = 0; from < n; from += COLUMNS) {
    const to = Math.min(n, from + COLUMNS);
    for (let row = from; row < n; row += 2) {
      subtractProducts(a, row, Math.min(n, row + 2), from, to);
      work += 2 * COLUMNS * from;
      if (work > PAUSE_EVERY) {
        work = 0;
        await pause();
      }
    }
    for (let i = from; i < n; i++) {
      const ri = rowStart(i);
      for (let j = from; j < Math.min(i, to); j++) {
        const rj = rowStart(j);
        let sum = a[ri + j]!;
        for (let k = from; k < j; k++) sum -= a[ri + k]! * a[rj + k]!;
        a[ri + j] = sum / a[rj + j]!;
      }
      if (i >= to) continue;
      let pivot = a[ri + i]!;
      for (let k = from; k < i; k++) pivot -= a[ri + k]! ** 2;
      if (!(pivot > 0)) {
        throw new RangeError(`the matrix is not positive definite (pivot ${pivot} in row ${i})`);
      }
      a[ri + i] = Math.sqrt(pivot);
    }
  }
}

/** Takes off one or two rows of columns `from` to `to` the products of what is left of them with those columns' own rows. */
function subtractProducts(a: Float64Array, row: number, end: number, from: number, to: number): void {
  const p = rowStart(row);
  // Where there is but one row left it is counted twice, and kept once.
  const q = rowStart(end - 1);
  for (let begin = 0; begin < from; begin += LENGTH) {
    const stop = Math.min(from, begin + LENGTH);
    // Of the first rows the later columns are above the diagonal, where nothing is kept.
    const last = Math.min(to, end);
    let j = from;
    for (; j + 3 < Math.min(to, row + 1); j += 4) {
      const r0 = rowStart(j);
      const r1 = rowStart(j + 1);
      const r2 = rowStart(j + 2);
      const r3 = rowStart(j + 3);
      let p0 = 0;
      let p1 = 0;
      let p2 = 0;
      let p3 = 0;
      let q0 = 0;
      let q1 = 0;
      let q2 = 0;
      let q3 = 0;
      for (let k = begin; k < stop; k++) {
        const x = a[p + k]!;
        const y = a[q + k]!;
        const y0 = a[r0 + k]!;
        const y1 = a[r1 + k]!;
        const y2 = a[r2 + k]!;
        const y3 = a[r3 + k]!;
        p0 += x * y0;
        p1 += x * y1;
        p2 += x * y2;
        p3 += x * y3;
        q0 += y * y0;
        q1 += y * y1;
        q2 += y * y2;
        q3 += y * y3;
      }
      a[p + j]! -= p0;
      a[p + j + 1]! -= p1;
      a[p + j + 2]! -= p2;
      a[p + j + 3]! -= p3;
      if (p === q) continue;
      a[q + j]! -= q0;
      a[q + j + 1]! -= q1;
      a[q + j + 2]! -= q2;
      a[q + j + 3]! -= q3;
    }
    for (; j < last; j++) {
      const r = rowStart(j);
      if (j <= row) a[p + j]! -= dot(a, p + begin, a, r + begin, stop - begin);
      if (p !== q) a[q + j]! -= dot(a, q + begin, a, r + begin, stop - begin);
    }
  }
}

/**
 * Solves L x = b in place, with L from `cholesky`. Two rows at a time, whose values share what is read of b; on its own, since a
 * loop that sees arrays of two kinds takes twice as long, and every picture comes through here.
 */
export function forward(l: Float64Array, n: number, b: Float64Array): void {
  for (let i = 0; i < n; i += 2) {
    const p = rowStart(i);
    if (i + 1 === n) {
      let sum = b[i]!;
      for (let k = 0; k < i; k++) sum -= l[p + k]! * b[k]!;
      b[i] = sum / l[p + i]!;
      return;
    }
    const q = p + i + 1;
    let p0 = 0;
    let p1 = 0;
    let q0 = 0;
    let q1 = 0;
    // i is even.
    for (let k = 0; k < i; k += 2) {
      const x = b[k]!;
      const y = b[k + 1]!;
      p0 += l[p + k]! * x;
      p1 += l[p + k + 1]! * y;
      q0 += l[q + k]! * x;
      q1 += l[q + k + 1]! * y;
    }
    const first = (b[i]! - (p0 + p1)) / l[p + i]!;
    b[i] = first;
    b[i + 1] = (b[i + 1]! - (q0 + q1) - l[q + i]! * first) / l[q + i + 1]!;
  }
}

/** Solves L L' x = b in place, with L from `cholesky`. */
export function solve(l: Float64Array, n: number, b: Float64Array): void {
  forward(l, n, b);
  for (let i = n - 1; i >= 0; i--) {
    const row = rowStart(i);
    const x = b[i]! / l[row + i]!;
    b[i] = x;
    // Column-wise, so that memory is read along rows.
    for (let k = 0; k < i; k++) b[k]! -= l[row + k]! * x;
  }
}
