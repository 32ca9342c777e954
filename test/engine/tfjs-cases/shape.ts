import { floats, int, ints, string } from '../../../src/onnx/model.js';
import { type OperatorCase, one, PICTURE, plain, several } from './make.js';

/** Cases of operators that move elements. */
export const shapes: OperatorCase[] = [
  one('Reshape', 'a zero and a rest', { more: (b) => [b.ints(0, -1, 2)] }),
  one('Flatten', 'from the second axis', {}),
  one('Flatten', 'from an axis counted from the end', { attributes: { axis: int(-1) } }),
  one('Squeeze', 'every axis of one', { shapes: [[1, 3, 1]] }),
  one('Squeeze', 'one axis', { shapes: [[1, 3, 1]], more: (b) => [b.ints(-1)] }),
  one('Unsqueeze', 'two axes', { more: (b) => [b.ints(-1, 0)] }),
  one('Transpose', 'by default', {}),
  one('Transpose', 'of five axes', {
    shapes: [[2, 1, 3, 2, 2]],
    attributes: { perm: ints([1, 0, 4, 2, 3]) },
  }),
  one('Transpose', 'channels to the end', { shapes: [PICTURE], attributes: { perm: ints([0, 2, 3, 1]) } }),
  one('Transpose', 'channels to the front', { shapes: [PICTURE], attributes: { perm: ints([0, 3, 1, 2]) } }),
  several('Transpose', 'there and back around a product', (b) => {
    const last = b.op('Transpose', [b.input('x', PICTURE)], { perm: ints([0, 2, 3, 1]) });
    const y = b.op('MatMul', [last, b.input('w', [4, 3])]);
    const first = b.op('Transpose', [y], { perm: ints([0, 3, 1, 2]) });
    return b.op('Reshape', [b.op('Mul', [first, b.input('s', [3, 1, 1])]), b.ints(2, -1)]);
  }),
  one('Concat', 'of three', {
    shapes: [
      [2, 1],
      [2, 3],
      [2, 2],
    ],
    attributes: { axis: int(-1) },
  }),
  several('Concat', 'of convolutions', (b) => {
    const x = b.input('x', PICTURE);
    const left = b.op('Conv', [x, b.input('w', [3, 4, 2, 2])]);
    const right = b.op('Conv', [x, b.input('v', [2, 4, 2, 2])]);
    return b.op('Concat', [left, right], { axis: int(1) });
  }),
  one('Split', 'evenly', { shapes: [[6, 2]], outputs: 3 }),
  one('Split', 'unevenly', {
    shapes: [[2, 6]],
    attributes: { axis: int(-1) },
    more: (b) => [b.ints(1, 5)],
    outputs: 2,
  }),
  one('Slice', 'a part', { more: (b) => [b.ints(1, 0), b.ints(3, -1), b.ints(1, 2)] }),
  one('Slice', 'in steps', { shapes: [[7, 5]], more: (b) => [b.ints(1), b.ints(100), b.ints(0), b.ints(2)] }),
  one('Slice', 'backwards', {
    shapes: [[6, 5]],
    more: (b) => [b.ints(4, -1), b.ints(-7, 1), b.ints(0, 1), b.ints(-2, -1)],
  }),
  one('Slice', 'to beyond all ends', { more: (b) => [b.ints(1), b.ints(2 ** 53), b.ints(2)] }),
  one('Pad', 'around', { shapes: [[2, 3]], more: (b) => [b.ints(1, 0, 0, 2)] }),
  one('Pad', 'a cut', { shapes: [[4, 3]], more: (b) => [b.ints(-1, 0, -2, 1)] }),
  one('Pad', 'with a value', { shapes: [[2, 3]], more: (b) => [b.ints(0, 1, 1, 0), b.scalar(7)] }),
  one('Pad', 'one axis of five', {
    shapes: [[2, 1, 3, 2, 2]],
    more: (b) => [b.ints(0, 0, 0, 1, 0, 0, 0, 0, 0, 2)],
  }),
  one('Pad', 'some axes', { opset: 18, more: (b) => [b.ints(1, 2), '', b.ints(-1)] }),
  ...['reflect', 'edge'].map((mode) =>
    one('Pad', mode, {
      shapes: [[3, 4]],
      more: (b) => [b.ints(2, 1, 0, 3)],
      attributes: { mode: string(mode) },
    }),
  ),
  one('Expand', 'wider', { shapes: [[3, 1]], more: (b) => [b.ints(2, 1, 4)] }),
  one('Expand', 'to its own shape', { shapes: [[3, 2]], more: (b) => [b.ints(3, 2)] }),
  ...['DCR', 'CRD'].map((mode) =>
    one('DepthToSpace', mode, {
      shapes: [[2, 8, 2, 3]],
      attributes: { blocksize: int(2), mode: string(mode) },
    }),
  ),
  one('SpaceToDepth', 'blocks of two', { shapes: [[2, 3, 4, 6]], attributes: { blocksize: int(2) } }),
  one('Tile', 'twice and thrice', { shapes: [[2, 3]], more: (b) => [b.ints(2, 3)] }),
  several('Shape', 'a part', (b) => {
    const shape = plain(b, 'Shape', [b.input('x', [5, 6, 7])], [2]);
    Object.assign(b.nodes.at(-1)!.attributes, { start: int(1) });
    return shape;
  }),
  several('Shape', 'what a Reshape takes', (b) => {
    const shape = plain(b, 'Shape', [b.input('x', [5, 4])], [2]);
    const y = plain(b, 'Reshape', [b.input('z', [20])], [5, 4]);
    b.nodes.at(-1)!.inputs.push(shape);
    return y;
  }),
  one('Gather', 'rows', { shapes: [[5, 3]], more: (b) => [b.ints(4, 0, -1)] }),
  one('Gather', 'columns, twice', {
    shapes: [[5, 3]],
    more: (b) => [b.ints(2, 2)],
    attributes: { axis: int(-1) },
  }),
  ...['none', 'add'].map((reduction) =>
    one('ScatterElements', reduction, {
      shapes: [[3, 4]],
      more: (b) => [
        b.constant({ type: 7, dims: [2, 3], data: BigInt64Array.from([0n, 1n, -1n, 2n, 0n, 1n]) }),
        b.input('u', [2, 3]),
      ],
      attributes: { axis: int(1), reduction: string(reduction) },
    }),
  ),
  one('ScatterElements', 'twice to one place', {
    shapes: [[6]],
    more: (b) => [b.ints(1, 4, 1), b.input('u', [3])],
    attributes: { reduction: string('add') },
  }),
  ...['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'].flatMap((rule) =>
    ['nearest', 'linear'].map((mode) =>
      one('Resize', `${mode}, ${rule}`, {
        shapes: [[2, 3, 4, 5]],
        more: (b) => ['', b.constant(floats([1, 1, 2, 1.6], [4]))],
        attributes: {
          mode: string(mode),
          coordinate_transformation_mode: string(rule),
          ...(mode === 'nearest' && { nearest_mode: string('floor') }),
        },
      }),
    ),
  ),
  ...['round_prefer_floor', 'round_prefer_ceil', 'ceil'].map((rounding) =>
    one('Resize', `to a size, ${rounding}`, {
      shapes: [[1, 2, 6, 4]],
      more: (b) => ['', '', b.ints(1, 2, 4, 8)],
      attributes: { nearest_mode: string(rounding) },
    }),
  ),
];
