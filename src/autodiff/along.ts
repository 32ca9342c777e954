import type { GraphBuilder } from '../onnx/builder.js';
import { floats, int, int64s, sizeOf } from '../onnx/model.js';
import { reshape, sum } from './rule.js';

/**
 * Multiplies a tensor along one axis by a constant matrix: y[.., r, ..] = sum over c of m[r][c] * p[.., c, ..].
 * @param matrix [rows, columns]; the axis has as many elements as there are columns, and gets as many as rows
 */
export function along(b: GraphBuilder, p: string, axis: number, matrix: Float32Array, rows: number): string {
  const shape = b.shape(p);
  const columns = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const m = b.constant(floats(matrix, [rows, columns]));
  const y = b.op('MatMul', [m, reshape(b, p, [outer, columns, inner])]);
  return reshape(
    b,
    y,
    shape.map((d, i) => (i === axis ? rows : d)),
  );
}

/**
 * The gradient of picking elements along an axis, y[.., k, ..] = x[.., from[k], ..]: every element of x gets
 * the sum over the places where it was read.
 * @param dy the gradient of what was picked
 * @param size the number of elements of x along the axis
 */
export function picked(
  b: GraphBuilder,
  dy: string,
  axis: number,
  from: readonly number[],
  size: number,
): string {
  const shape = b.shape(dy);
  const first = from[0] ?? 0;
  if (from.every((at, k) => at === first + k)) {
    const before = shape.map((_, i) => (i === axis ? first : 0));
    const after = shape.map((_, i) => (i === axis ? size - first - from.length : 0));
    return [...before, ...after].every((p) => p === 0) ? dy : b.op('Pad', [dy, b.ints(...before, ...after)]);
  }
  const times = from.length / size;
  if (Number.isInteger(times) && from.every((at, k) => at === Math.floor(k / times))) {
    const apart = [...shape.slice(0, axis), size, times, ...shape.slice(axis + 1)];
    return sum(b, reshape(b, dy, apart), [axis + 1]);
  }
  if (from.length === size && new Set(from).size === size) {
    const inverse = Array<number>(size).fill(0);
    from.forEach((at, k) => {
      inverse[at] = k;
    });
    return b.op('Gather', [dy, b.constant(int64s(inverse))], { axis: int(axis) });
  }
  const matrix = new Float32Array(size * from.length);
  from.forEach((at, k) => {
    matrix[at * from.length + k] = 1;
  });
  return along(b, dy, axis, matrix, size);
}
