import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/autodiff/gradient.js';
import { LichenError } from '../../../src/errors.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { ElementType, floats, int, ints, string } from '../../../src/onnx/model.js';
import { checkGradient } from '../numeric.js';

describe('gradients of operators that only move elements', () => {
  it.each<[string, number[], (b: GraphBuilder, x: string) => string]>([
    ['Reshape to a vector', [2, 3], (b, x) => b.op('Reshape', [x, b.ints(-1)])],
    ['Flatten from axis 0', [2, 3], (b, x) => b.op('Flatten', [x], { axis: int(0) })],
    [
      'Flatten from an axis counted from the end',
      [2, 3, 2],
      (b, x) => b.op('Flatten', [x], { axis: int(-1) }),
    ],
    ['Squeeze of all axes of one', [1, 3, 1], (b, x) => b.op('Squeeze', [x])],
    ['Squeeze from the end', [2, 1, 1], (b, x) => b.op('Squeeze', [x, b.ints(-1, -2)])],
    ['Unsqueeze from the end', [2, 3], (b, x) => b.op('Unsqueeze', [x, b.ints(-1)])],
    [
      'Transpose to and fro of four axes',
      [2, 1, 3, 2],
      (b, x) => b.op('Transpose', [x], { perm: ints([0, 2, 3, 1]) }),
    ],
    ['Expand of a scalar', [], (b, x) => b.op('Expand', [x, b.ints(2, 2)])],
    ['Expand to a smaller shape', [2, 3], (b, x) => b.op('Expand', [x, b.ints(1)])],
    ['Expand of inner axes', [1, 2, 1], (b, x) => b.op('Expand', [x, b.ints(3, 1, 2)])],
    [
      'Concat of a tensor with itself',
      [2, 2],
      (b, x) => b.op('Concat', [x, x, b.op('Tanh', [x])], { axis: int(0) }),
    ],
    [
      'Concat with a constant',
      [2, 1],
      (b, x) => b.op('Concat', [b.op('Expand', [b.scalar(1), b.ints(2, 2)]), x], { axis: int(1) }),
    ],
    ['Slice by default axes', [4, 3], (b, x) => b.op('Slice', [x, b.ints(1, 0), b.ints(3, 2)])],
    ['Slice up to beyond the end', [5], (b, x) => b.op('Slice', [x, b.ints(-3), b.ints(2 ** 31 - 1)])],
    [
      'Slice of one element by a large step',
      [7],
      (b, x) => b.op('Slice', [x, b.ints(2), b.ints(7), b.ints(0), b.ints(9)]),
    ],
    ['Pad of one axis', [2, 3], (b, x) => b.op('Pad', [x, b.ints(0, 2, 0, 1)])],
    [
      'Pad with a value',
      [2, 2],
      (b, x) => b.op('Pad', [x, b.ints(1, 1, 1, 1), b.scalar(3)], { mode: string('constant') }),
    ],
    ['Pad that cuts off', [4, 3], (b, x) => b.op('Pad', [x, b.ints(-1, 1, -1, -1)])],
  ])('%s', (_, dims, build) => checkGradient({ shapes: [dims], build: (b, [x]) => build(b, x!) }));

  it('Slice with any starts, ends and steps that go forward', async () => {
    const axis = fc.record({
      size: fc.integer({ min: 1, max: 6 }),
      start: fc.integer({ min: -7, max: 7 }),
      end: fc.integer({ min: -7, max: 9 }),
      step: fc.integer({ min: 1, max: 4 }),
    });
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(axis, { minLength: 1, maxLength: 2 }), async (axes) => {
        const of = (f: (a: (typeof axes)[number]) => number) => axes.map(f);
        const build = (b: GraphBuilder, [x]: string[]) =>
          b.op('Slice', [
            x!,
            b.ints(...of((a) => a.start)),
            b.ints(...of((a) => a.end)),
            b.ints(...axes.map((_, i) => i)),
            b.ints(...of((a) => a.step)),
          ]);
        const probe = new GraphBuilder();
        probe.input(
          'x',
          of((a) => a.size),
        );
        fc.pre(!probe.shape(build(probe, ['x'])).includes(0));
        checked++;
        await checkGradient({ shapes: [of((a) => a.size)], build });
      }),
      { numRuns: 40, seed: 1 },
    );
    expect(checked).toBe(40);
  });
});

describe('what has no gradient here', () => {
  it.each<[string, (b: GraphBuilder) => string, RegExp]>([
    [
      'a Resize by cubic interpolation',
      (b) => b.op('Resize', ['x', '', b.constant(floats([2], [1]))], { mode: string('cubic') }),
      /a Resize of mode 'cubic' has no gradient here; only 'nearest' and 'linear' have/,
    ],
    [
      'a Resize that crops',
      (b) =>
        b.op('Resize', ['x', '', b.constant(floats([2], [1]))], {
          coordinate_transformation_mode: string('tf_crop_and_resize'),
        }),
      /a Resize with coordinates 'tf_crop_and_resize' has no gradient here/,
    ],
    [
      'a Gather by what is computed',
      (b) => b.op('Gather', ['x', b.op('ArgMax', ['x'])]),
      /a Gather by indices that are computed has no gradient here/,
    ],
    [
      'a Pad by a value that is trained',
      (b) => b.op('Pad', ['x', b.ints(1, 1), b.op('ReduceSum', ['x'], { keepdims: int(0) })]),
      /the value of a Pad has no gradient here/,
    ],
    [
      'a Clip to bounds that are trained',
      (b) => b.op('Clip', ['x', b.op('ReduceSum', ['x'], { keepdims: int(0) })]),
      /the bounds of a Clip have no gradient here/,
    ],
    [
      'a Dropout in training form',
      (b) => {
        const always = b.constant({ type: ElementType.bool, dims: [], data: Uint8Array.of(1) });
        return b.op('Dropout', ['x', b.scalar(0.5), always]);
      },
      /a Dropout in training form has no gradient here/,
    ],
    [
      'a Cast to another precision',
      (b) => b.op('Cast', ['x'], { to: int(ElementType.double) }),
      /a Cast to another element type than float has no gradient here/,
    ],
    [
      'a MaxPool with positions in column-major order',
      (b) =>
        b.op('MaxPool', [b.op('Reshape', ['x', b.ints(1, 1, 4)])], {
          kernel_shape: ints([2]),
          storage_order: int(1),
        }),
      /column-major order has no gradient here/,
    ],
  ])('%s is an error that says so, with the node', (_, build, message) => {
    const b = new GraphBuilder();
    b.input('x', [4]);
    b.op('ReduceSum', [build(b)], { keepdims: int(0) }, 'loss');
    const find = () => gradients(b, 'loss', ['x']);
    expect(find).toThrow(message);
    expect(find).toThrow(LichenError);
    expect(find).toThrow(/node '\w+_\d+' \(\w+\)/);
  });
});
