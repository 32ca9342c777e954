import { describe, expect, it } from 'vitest';
import { type Attribute, floats, int, ints, sizeOf, string } from '../../../src/onnx/model.js';
import { checkGradient } from '../numeric.js';

const windows: [string, number[], Record<string, Attribute>][] = [
  ['one dimension', [2, 2, 7], { kernel_shape: ints([3]), strides: ints([2]), pads: ints([0, 1]) }],
  ['three dimensions', [1, 1, 4, 3, 3], { kernel_shape: ints([2, 1, 3]), strides: ints([1, 2, 1]) }],
  ['several pictures and channels', [2, 3, 4, 4], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }],
  [
    'SAME_UPPER',
    [1, 1, 5, 6],
    { kernel_shape: ints([2, 3]), strides: ints([2, 2]), auto_pad: string('SAME_UPPER') },
  ],
  [
    'SAME_LOWER',
    [1, 1, 5, 6],
    { kernel_shape: ints([2, 3]), strides: ints([2, 2]), auto_pad: string('SAME_LOWER') },
  ],
  [
    'VALID, with a rest',
    [1, 1, 7, 5],
    { kernel_shape: ints([2, 2]), strides: ints([3, 3]), auto_pad: string('VALID') },
  ],
  ['a stride wider than the kernel', [1, 1, 7, 7], { kernel_shape: ints([2, 1]), strides: ints([3, 2]) }],
  [
    'ceil mode with pads',
    [1, 1, 6, 5],
    { kernel_shape: ints([3, 2]), strides: ints([2, 2]), pads: ints([1, 0, 0, 1]), ceil_mode: int(1) },
  ],
  ['the whole picture', [2, 2, 3, 4], { kernel_shape: ints([3, 4]) }],
];

describe('the gradient of MaxPool', () => {
  const all: typeof windows = [
    ...windows,
    [
      'dilated',
      [1, 1, 6, 6],
      { kernel_shape: ints([2, 3]), dilations: ints([2, 2]), pads: ints([1, 1, 0, 1]) },
    ],
  ];
  it.each(all)('%s', (_, dims, attributes) =>
    checkGradient({
      shapes: [dims],
      // Distinct values, so that no step of the differences changes which one is the largest.
      build: (b, [x]) => {
        const count = sizeOf(dims);
        const apart = Float32Array.from({ length: count }, (_, i) => ((i * 37) % count) * 0.5);
        expect(new Set(apart).size).toBe(count);
        const spread = b.op('Add', [b.op('Mul', [x!, b.scalar(0.01)]), b.constant(floats(apart, dims))]);
        return b.op('MaxPool', [spread], attributes);
      },
    }),
  );
});

describe('the gradient of AveragePool', () => {
  it.each(windows)('%s', (_, dims, attributes) =>
    checkGradient({ shapes: [dims], build: (b, [x]) => b.op('AveragePool', [x!], attributes) }),
  );

  it.each(windows.filter(([, , a]) => a.pads || a.auto_pad))('%s, pads counted', (_, dims, attributes) =>
    checkGradient({
      shapes: [dims],
      build: (b, [x]) => b.op('AveragePool', [x!], { ...attributes, count_include_pad: int(1) }),
    }),
  );
});

describe('the gradient of GlobalAveragePool', () => {
  it.each([[[2, 3, 5]], [[1, 2, 2, 3]], [[2, 1, 2, 2, 2]], [[2, 3, 1, 1]]])('of [%s]', (dims) =>
    checkGradient({ shapes: [dims], build: (b, [x]) => b.op('GlobalAveragePool', [x!]) }),
  );
});
