import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/autodiff/gradient.js';
import { lower } from '../../../src/autodiff/lower.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { type Attribute, int, ints } from '../../../src/onnx/model.js';
import { checkGradient } from '../numeric.js';

describe.each(['ReduceSum', 'ReduceMean'])('the gradient of %s', (op) => {
  it.each<[string, number[], number[] | undefined, number]>([
    ['over all axes', [2, 3], undefined, 1],
    ['over all axes to a scalar', [2, 3], undefined, 0],
    ['over the last axis', [2, 3, 2], [-1], 0],
    ['over outer and inner axis', [2, 3, 2], [0, -1], 0],
    ['over axes in another order', [2, 3, 2], [2, 0], 1],
    ['over an axis of one', [2, 1, 3], [1], 0],
    ['of a vector', [4], [0], 0],
  ])('%s', (_, dims, axes, keep) =>
    checkGradient({
      shapes: [dims],
      build: (b, [x]) => {
        const keepdims: Record<string, Attribute> = { keepdims: int(keep) };
        if (!axes) return b.op(op, [x!], keepdims);
        // In this operator set the sum has its axes as an input, the mean as an attribute.
        if (op === 'ReduceSum') return b.op(op, [x!, b.ints(...axes)], keepdims);
        return b.op(op, [x!], { ...keepdims, axes: ints(axes) });
      },
    }),
  );
});

describe.each(['Softmax', 'LogSoftmax'])('the gradient of %s', (op) => {
  it.each<[number[], number | undefined]>([
    [[3, 4], undefined],
    [[3, 4], 0],
    [[2, 3, 2], 1],
    [[2, 3, 2], -3],
    [[2, 2, 3, 2], 2],
    [[5], 0],
    [[2, 1], 1],
  ])('of [%s] over axis %s', (dims, axis) =>
    checkGradient({
      shapes: [dims],
      build: (b, [x]) => b.op(op, [x!], axis === undefined ? {} : { axis: int(axis) }),
    }),
  );

  it('is the one of large logits, too', () =>
    checkGradient({
      shapes: [[2, 3]],
      build: (b, [x]) => {
        const y = b.op(op, [b.op('Add', [x!, b.scalar(50)])], { axis: int(1) });
        expect(b.shape(y)).toEqual([2, 3]);
        return y;
      },
    }));
});

it('the gradient of ReduceL2 is zero for a vector of zeros, which a Relu leaves now and then, and no 0 / 0', async () => {
  const b = new GraphBuilder();
  b.input('x', [2, 2]);
  const length = b.op('ReduceL2', ['x'], { axes: ints([1]), keepdims: int(1) });
  // As exporters write a normalization to length 1.
  const unit = b.op('Div', ['x', b.op('Max', [length, b.scalar(1e-12)])]);
  const loss = b.op('ReduceSum', [b.op('Add', [unit, length])], { keepdims: int(0) });
  const dx = b.output(gradients(b, loss, ['x']).get('x')!);
  const program = await new OrtEngine().compile(lower(b.model()), { threads: 1 });
  const result = await program.run({ x: { dims: [2, 2], data: Float32Array.of(0, 0, 3, 4) } });
  await program.close();
  const [a, c, p, q] = result[dx]!.data;
  expect([a, c]).toEqual([Math.fround(1e12), Math.fround(1e12)]);
  // d(x / |x|) = (1 - x (x + y) / |x|^2) / |x|; two of these lengths broadcast to both columns.
  expect(p).toBeCloseTo((1 - (3 * 7) / 25) / 5 + (2 * 3) / 5, 5);
  expect(q).toBeCloseTo((1 - (4 * 7) / 25) / 5 + (2 * 4) / 5, 5);
});
