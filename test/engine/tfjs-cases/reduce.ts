import { float, int, ints } from '../../../src/onnx/model.js';
import { type OperatorCase, one, PICTURE, plain, several } from './make.js';

const reductions = [
  ...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare'],
  ...['ReduceLogSum', 'ReduceLogSumExp'],
];
/** Cases of matrix products. */
export const products: OperatorCase[] = [
  one('Gemm', 'with a bias', { shapes: [[2, 3], [3, 4], [4]] }),
  one('Gemm', 'transposed', {
    shapes: [
      [3, 2],
      [4, 3],
    ],
    attributes: { transA: int(1), transB: int(1) },
  }),
  one('Gemm', 'scaled', {
    shapes: [
      [2, 3],
      [3, 4],
      [2, 1],
    ],
    attributes: { alpha: float(0.5), beta: float(2) },
  }),
  one('MatMul', 'of matrices', {
    shapes: [
      [2, 3],
      [3, 4],
    ],
  }),
  one('MatMul', 'of many rows', {
    shapes: [
      [2, 5, 3],
      [3, 4],
    ],
  }),
  one('MatMul', 'of stacks', {
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
  }),
  one('MatMul', 'of stacks that are spread', {
    shapes: [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
  }),
  one('MatMul', 'a matrix by a stack', {
    shapes: [
      [3, 4],
      [2, 4, 5],
    ],
  }),
  one('MatMul', 'a vector by a stack', { shapes: [[4], [5, 4, 2]] }),
  one('MatMul', 'a stack by a vector', { shapes: [[5, 3, 4], [4]] }),
  one('MatMul', 'of vectors', { shapes: [[4], [4]] }),
];

/** Cases of reductions and normalizations. */
export const reduced: OperatorCase[] = [
  ...reductions.map((op) => one(op, 'all axes', { low: 0.3 })),
  ...reductions.map((op) =>
    one(op, 'some axes, dropped', { attributes: { axes: ints([-1, 0]), keepdims: int(0) }, low: 0.1 }),
  ),
  ...reductions.flatMap((op) => [onConv(op, [0, 2, 3], 1), onConv(op, [1], 0), onConv(op, [-1], 0)]),
  one('ReduceSum', 'all axes', {}),
  one('ReduceSum', 'some axes', { more: (b) => [b.ints(1, -1)] }),
  one('ReduceSum', 'no axes', { more: (b) => [b.ints()], attributes: { noop_with_empty_axes: int(1) } }),
  several('ReduceSum', 'of a convolution, dropped', (b) => {
    const x = b.op('Conv', [b.input('x', PICTURE), b.input('w', [3, 4, 2, 2])]);
    return b.op('ReduceSum', [x, b.ints(0)], { keepdims: int(0) });
  }),
  ...['Softmax', 'LogSoftmax'].flatMap((op) => [
    one(op, 'the last axis', {}),
    one(op, 'another axis', { attributes: { axis: int(1) } }),
    one(op, 'the first axis', { attributes: { axis: int(-3) } }),
  ]),
  ...['ArgMax', 'ArgMin'].flatMap((op) => [
    several(op, 'an axis', (b) => plain(b, op, [b.input('x', [5, 4])], [1, 4])),
    several(op, 'an axis, dropped', (b) => {
      const found = plain(b, op, [b.input('x', [5, 4])], [5]);
      Object.assign(b.nodes.at(-1)!.attributes, { axis: int(-1), keepdims: int(0) });
      return found;
    }),
  ]),
  one('LayerNormalization', 'the last axis', { shapes: [[2, 3, 4], [4], [4]] }),
  one('LayerNormalization', 'all that it gives', { shapes: [[2, 3, 4], [4], [4]], outputs: 3 }),
  one('LayerNormalization', 'two axes, no bias', {
    shapes: [
      [2, 3, 4],
      [3, 4],
    ],
    attributes: { axis: int(1), epsilon: float(1e-2) },
  }),
  one('InstanceNormalization', 'of pictures', { shapes: [PICTURE, [4], [4]] }),
];

function onConv(op: string, axes: number[], keepdims: number): OperatorCase {
  return several(op, `of a convolution, axes ${axes}`, (b) => {
    const x = b.op('Relu', [b.op('Conv', [b.input('x', PICTURE), b.input('w', [3, 4, 2, 2])])]);
    const shape = [2, 3, 5, 4].flatMap((d, i) =>
      axes.some((a) => (a + 4) % 4 === i) ? (keepdims ? [1] : []) : [d],
    );
    const y = plain(b, op, [b.op('Add', [x, b.scalar(0.5)])], shape);
    Object.assign(b.nodes.at(-1)!.attributes, { axes: ints(axes), keepdims: int(keepdims) });
    return y;
  });
}
