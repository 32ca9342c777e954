import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/autodiff/gradient.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { type Attribute, float, floats, int } from '../../../src/onnx/model.js';
import { checkGradient } from '../numeric.js';

describe('the gradient of Gemm', () => {
  const transposed = [0, 1].flatMap((a) => [0, 1].map((b) => [a, b] as const));
  it.each(transposed)('transA %d, transB %d, no bias', (transA, transB) =>
    checkGradient({
      shapes: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4]],
      build: (b, x) => b.op('Gemm', x, { transA: int(transA), transB: int(transB), alpha: float(-1.5) }),
    }),
  );

  it.each<[string, number[], Record<string, Attribute>]>([
    ['a scalar', [], {}],
    ['one element', [1], { beta: float(-2) }],
    ['a column', [2, 1], { beta: float(0.5) }],
    ['a matrix', [2, 4], {}],
    ['a matrix of one element', [1, 1], {}],
  ])('with %s as bias', (_, bias, attributes) =>
    checkGradient({ shapes: [[2, 3], [3, 4], bias], build: (b, x) => b.op('Gemm', x, attributes) }),
  );

  it('of one row and one column', () =>
    checkGradient({ shapes: [[1, 3], [3, 1], [1]], build: (b, x) => b.op('Gemm', x) }));
});

describe('the gradient of MatMul', () => {
  it.each<[number[], number[]]>([
    [[3], [3]],
    [[3], [2, 3, 2]],
    [[2, 2, 3], [3]],
    [
      [2, 3],
      [4, 3, 2],
    ],
    [
      [1, 2, 3],
      [4, 3, 1],
    ],
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    [
      [2, 3, 1, 2],
      [2, 4],
    ],
    [
      [1, 1],
      [1, 1],
    ],
  ])('of [%s] and [%s]', (p, q) => checkGradient({ shapes: [p, q], build: (b, x) => b.op('MatMul', x) }));

  it('of one side only, when the other is constant', async () => {
    const constant = (b: GraphBuilder, dims: number[]) =>
      b.constant(
        floats(
          Float32Array.from({ length: 6 }, (_, i) => i / 3 - 1),
          dims,
        ),
      );
    await checkGradient({ shapes: [[2, 3]], build: (b, [x]) => b.op('MatMul', [x!, constant(b, [3, 2])]) });
    await checkGradient({
      shapes: [[2, 2, 3]],
      build: (b, [x]) => b.op('MatMul', [constant(b, [3, 2]), x!]),
    });
  });

  it('costs nothing for a side that is not trained', () => {
    const b = new GraphBuilder();
    b.input('x', [2, 3]);
    b.input('w', [3, 4]);
    b.op('ReduceSum', [b.op('MatMul', ['x', 'w'])], { keepdims: int(0) }, 'loss');
    const before = b.nodes.length;
    gradients(b, 'loss', ['w']);
    const added = b.nodes.slice(before).filter((n) => n.op === 'MatMul' || n.op === 'Gemm');
    expect(added).toHaveLength(1);
    expect(b.shape(added[0]!.outputs[0]!)).toEqual([3, 4]);
  });
});
