/** Multiplications between two pauses of a long computation: a few milliseconds. */
const PAUSE_EVERY = 8_000_000;

/** Lets timers, sockets and signals have their turn. */
const pause = () => new Promise<void>((resolve) => setImmediate(resolve));

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

/**
 * The inner products of the rows of a matrix, [n, n] in row-major order.
 * @param rows n rows of d values
 */
export async function gram(rows: Float32Array, n: number, d: number): Promise<Float64Array> {
  const g = new Float64Array(n * n);
  let work = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) g[j * n + i] = g[i * n + j] = dot(rows, i * d, rows, j * d, d);
    work += (i + 1) * d;
    if (work > PAUSE_EVERY) {
      work = 0;
      await pause();
    }
  }
  return g;
}

/**
 * Cholesky factor of a symmetric positive definite matrix, in place: the lower triangle of `a` [n, n] becomes
 * L with a = L L'.
 * @throws RangeError when the matrix is not positive definite
 */
export async function cholesky(a: Float64Array, n: number): Promise<void> {
  let work = 0;
  for (let i = 0; i < n; i++) {
    const ri = i * n;
    for (let j = 0; j < i; j++) a[ri + j] = (a[ri + j]! - dot(a, ri, a, j * n, j)) / a[j * n + j]!;
    const pivot = a[ri + i]! - dot(a, ri, a, ri, i);
    if (!(pivot > 0))
      throw new RangeError(`the matrix is not positive definite (pivot ${pivot} in row ${i})`);
    a[ri + i] = Math.sqrt(pivot);
    work += (i * i) / 2;
    if (work > PAUSE_EVERY) {
      work = 0;
      await pause();
    }
  }
}

/** Solves L L' x = b in place, with L from `cholesky`. */
export function solve(l: Float64Array, n: number, b: Float64Array): void {
  for (let i = 0; i < n; i++) b[i] = (b[i]! - dot(l, i * n, b, 0, i)) / l[i * n + i]!;
  for (let i = n - 1; i >= 0; i--) {
    const x = b[i]! / l[i * n + i]!;
    b[i] = x;
    // Column-wise, so that memory is read along rows.
    for (let k = 0; k < i; k++) b[k]! -= l[i * n + k]! * x;
  }
}
