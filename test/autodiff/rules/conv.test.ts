import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attribute, floats, int, ints, sizeOf, string } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import { checkGradient } from '../numeric.js';

/** Checks the gradients of input, weight and bias, and of the input where the weight is constant. */
async function check(x: number[], w: number[], attributes: Record<string, Attribute>): Promise<void> {
  const all = { kernel_shape: ints(w.slice(2)), ...attributes };
  await checkGradient({ shapes: [x, w, [w[0]!]], build: (b, inputs) => b.op('Conv', inputs, all) });
  const random = new Random(7);
  const weight = Float32Array.from({ length: sizeOf(w) }, () => random.normal());
  await checkGradient({
    shapes: [x],
    build: (b, [input]) => b.op('Conv', [input!, b.constant(floats(weight, w))], all),
  });
}

describe('the gradient of Conv', () => {
  it.each<[string, number[], number[], Record<string, Attribute>]>([
    [
      'groups, strides, dilations and asymmetric pads at once',
      [2, 4, 6, 7],
      [4, 2, 2, 3],
      { group: int(2), strides: ints([2, 3]), dilations: ints([2, 1]), pads: ints([1, 0, 2, 1]) },
    ],
    ['groups with more outputs than inputs', [1, 2, 4, 4], [6, 1, 2, 2], { group: int(2) }],
    [
      'depthwise, dilated, stride 2',
      [1, 3, 7, 7],
      [3, 1, 3, 3],
      { group: int(3), strides: ints([2, 2]), dilations: ints([2, 2]), pads: ints([2, 2, 2, 2]) },
    ],
    [
      'depthwise in one dimension, asymmetric pads',
      [2, 3, 6],
      [3, 1, 3],
      { group: int(3), pads: ints([2, 0]) },
    ],
    [
      'one dimension, groups, dilated',
      [1, 4, 8],
      [4, 2, 3],
      { group: int(2), dilations: ints([2]), pads: ints([1, 2]) },
    ],
    [
      'one dimension, SAME_LOWER, stride 2',
      [1, 1, 7],
      [2, 1, 4],
      { auto_pad: string('SAME_LOWER'), strides: ints([2]) },
    ],
    [
      'SAME_UPPER with a stride wider than the kernel',
      [1, 1, 7, 7],
      [1, 1, 1, 2],
      { auto_pad: string('SAME_UPPER'), strides: ints([3, 3]) },
    ],
    [
      'VALID, stride 3 that leaves a rest of two',
      [1, 1, 8, 5],
      [1, 1, 3, 2],
      { auto_pad: string('VALID'), strides: ints([3, 3]) },
    ],
    ['pointwise with a stride', [2, 3, 5, 4], [2, 3, 1, 1], { strides: ints([2, 3]) }],
    [
      'pointwise, padded and grouped',
      [1, 4, 3, 3],
      [4, 2, 1, 1],
      { group: int(2), pads: ints([1, 0, 0, 1]) },
    ],
    ['a kernel as large as the picture', [2, 2, 3, 4], [3, 2, 3, 4], {}],
    ['one pixel', [1, 1, 1, 1], [1, 1, 3, 3], { pads: ints([1, 1, 1, 1]) }],
    [
      'three dimensions, strides and pads',
      [1, 2, 4, 3, 3],
      [2, 2, 2, 1, 2],
      { strides: ints([2, 1, 2]), pads: ints([0, 1, 0, 1, 0, 1]) },
    ],
  ])('%s', (_, x, w, attributes) => check(x, w, attributes));

  it('any geometry', async () => {
    const axis = fc.record({
      size: fc.integer({ min: 1, max: 6 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      pads: fc.tuple(fc.nat(2), fc.nat(2)),
    });
    let checked = 0;
    const property = fc.asyncProperty(
      fc.array(axis, { minLength: 1, maxLength: 2 }),
      fc.constantFrom([1, 1, 1], [2, 1, 1], [1, 2, 1], [2, 1, 2], [1, 1, 3], [2, 2, 2]),
      async (axes, [inPer, outPer, groups]) => {
        const of = <T>(f: (a: (typeof axes)[number]) => T) => axes.map(f);
        const fits = (a: (typeof axes)[number]) =>
          a.size + a.pads[0] + a.pads[1] >= (a.kernel - 1) * a.dilation + 1;
        fc.pre(axes.every(fits));
        checked++;
        await check(
          [1, inPer! * groups!, ...of((a) => a.size)],
          [outPer! * groups!, inPer!, ...of((a) => a.kernel)],
          {
            group: int(groups!),
            strides: ints(of((a) => a.stride)),
            dilations: ints(of((a) => a.dilation)),
            pads: ints([...of((a) => a.pads[0]), ...of((a) => a.pads[1])]),
          },
        );
      },
    );
    await fc.assert(property, { numRuns: 40, seed: 1 });
    expect(checked).toBe(40);
  });
});
