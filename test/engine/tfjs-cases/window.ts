import { type Attribute, int, ints, string } from '../../../src/onnx/model.js';
import { type OperatorCase, one, PICTURE, plain, several } from './make.js';

/** Cases of convolutions. */
export const convolutions: OperatorCase[] = [
  conv('by default', [PICTURE, [3, 4, 3, 3], [3]]),
  conv('padded on all sides', [PICTURE, [3, 4, 3, 3]], { pads: ints([1, 1, 1, 1]) }),
  conv('padded unevenly', [PICTURE, [3, 4, 3, 2], [3]], { pads: ints([0, 2, 1, 0]) }),
  conv('in strides', [PICTURE, [3, 4, 3, 3]], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
  conv('in strides that differ', [PICTURE, [3, 4, 2, 2]], { strides: ints([2, 1]) }),
  conv('dilated', [PICTURE, [3, 4, 2, 2]], { dilations: ints([2, 3]), pads: ints([1, 1, 1, 1]) }),
  conv('in groups', [PICTURE, [6, 2, 3, 3], [6]], { group: int(2), pads: ints([1, 1, 1, 1]) }),
  conv('depthwise', [PICTURE, [4, 1, 3, 3], [4]], { group: int(4), pads: ints([1, 1, 1, 1]) }),
  conv('depthwise, several a channel', [PICTURE, [8, 1, 3, 3], [8]], { group: int(4) }),
  conv('depthwise in strides', [PICTURE, [4, 1, 3, 3]], {
    group: int(4),
    strides: ints([2, 2]),
    pads: ints([0, 0, 1, 1]),
  }),
  conv('depthwise in strides that differ', [PICTURE, [4, 1, 3, 3]], {
    group: int(4),
    strides: ints([3, 2]),
    pads: ints([1, 1, 1, 1]),
  }),
  conv('depthwise and dilated', [PICTURE, [4, 1, 2, 2]], { group: int(4), dilations: ints([2, 2]) }),
  conv('SAME_UPPER', [PICTURE, [3, 4, 3, 2]], { auto_pad: string('SAME_UPPER'), strides: ints([2, 2]) }),
  conv('SAME_LOWER', [PICTURE, [3, 4, 3, 2]], { auto_pad: string('SAME_LOWER'), strides: ints([2, 2]) }),
  conv('of rows', [[2, 4, 9], [3, 4, 3], [3]], { pads: ints([1, 0]), strides: ints([2]) }),
  conv(
    'of rows, depthwise and dilated',
    [
      [2, 4, 9],
      [4, 1, 3],
    ],
    { group: int(4), dilations: ints([2]) },
  ),
  transposed('by default', [PICTURE, [4, 3, 3, 3], [3]]),
  transposed('in strides', [PICTURE, [4, 3, 3, 2]], { strides: ints([2, 3]), pads: ints([1, 0, 0, 1]) }),
  transposed('more out of it', [PICTURE, [4, 3, 3, 3]], {
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
    output_padding: ints([1, 0]),
  }),
  transposed('dilated', [PICTURE, [4, 3, 2, 2]], { dilations: ints([2, 3]) }),
  transposed('in groups', [PICTURE, [4, 3, 2, 3], [6]], { group: int(2), strides: ints([2, 1]) }),
  transposed('depthwise', [PICTURE, [4, 1, 3, 3], [4]], {
    group: int(4),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
    output_padding: ints([1, 1]),
  }),
  transposed('depthwise, several a channel, dilated', [PICTURE, [4, 2, 2, 3]], {
    group: int(4),
    dilations: ints([2, 1]),
    strides: ints([1, 2]),
  }),
  transposed('of rows', [[2, 4, 5], [4, 3, 3], [3]], { strides: ints([2]), pads: ints([1, 1]) }),
];

function conv(title: string, shapes: number[][], attributes: Record<string, Attribute> = {}) {
  return one('Conv', title, { shapes, attributes });
}

function transposed(title: string, shapes: number[][], attributes: Record<string, Attribute> = {}) {
  return one('ConvTranspose', title, { shapes, attributes });
}

/** Cases of pools. */
export const pools: OperatorCase[] = ['MaxPool', 'AveragePool'].flatMap((op) => [
  one(op, 'of two by two', {
    shapes: [PICTURE],
    attributes: { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
  }),
  one(op, 'that overlap', {
    shapes: [PICTURE],
    attributes: { kernel_shape: ints([3, 2]), pads: ints([1, 0, 2, 1]), strides: ints([2, 1]) },
  }),
  one(op, 'over the end', {
    shapes: [PICTURE],
    attributes: { kernel_shape: ints([3, 3]), strides: ints([2, 2]), ceil_mode: int(1) },
  }),
  one(op, 'SAME_UPPER', {
    shapes: [PICTURE],
    attributes: { kernel_shape: ints([3, 2]), strides: ints([2, 2]), auto_pad: string('SAME_UPPER') },
  }),
  one(op, 'of rows', {
    shapes: [[2, 3, 9]],
    attributes: { kernel_shape: ints([3]), strides: ints([2]), pads: ints([1, 0]) },
  }),
]);
pools.push(
  one('AveragePool', 'the padding counted', {
    shapes: [PICTURE],
    attributes: { kernel_shape: ints([3, 3]), pads: ints([1, 0, 1, 2]), count_include_pad: int(1) },
  }),
  one('MaxPool', 'dilated', {
    shapes: [PICTURE],
    attributes: { kernel_shape: ints([2, 2]), dilations: ints([2, 3]) },
  }),
  several('MaxPool', 'positions', (b) => {
    const x = b.input('x', PICTURE);
    const attributes = { kernel_shape: ints([3, 2]), strides: ints([2, 1]), pads: ints([1, 1, 0, 0]) };
    b.op('MaxPool', [x], attributes, 'm');
    return b.extraOutput(b.nodes.at(-1)!, 1);
  }),
  several('MaxPool', 'positions in rows', (b) => {
    b.op('MaxPool', [b.input('x', [2, 3, 9])], { kernel_shape: ints([3]), strides: ints([2]) }, 'm');
    return b.extraOutput(b.nodes.at(-1)!, 1);
  }),
  one('GlobalAveragePool', 'of pictures', { shapes: [PICTURE] }),
  one('GlobalAveragePool', 'of rows', { shapes: [[2, 3, 5]] }),
  one('GlobalMaxPool', 'of pictures', { shapes: [PICTURE] }),
  ...['GlobalAveragePool', 'GlobalMaxPool'].map((op) =>
    several(op, 'of a convolution', (b) => {
      const x = b.op('Conv', [b.input('x', PICTURE), b.input('w', [3, 4, 2, 2])]);
      return plain(b, op, [x], [2, 3, 1, 1]);
    }),
  ),
);
