import {
  type Attribute,
  type ConstantTensor,
  float,
  floats,
  int,
  int64s,
  ints,
  type Node,
  node,
  string,
} from '../../src/onnx/model.js';
import { drawer } from './models.js';

const draw = drawer(3);
type Attributes = Record<string, Attribute>;
/** An operator as the operator sets write it, from 'x' to 'y'. */
export interface Case {
  what: string;
  opsets: number[];
  nodes: (opset: number) => Node[];
  constants?: Record<string, ConstantTensor>;
  dims?: number[];
  /** Operators that are left. */
  ops?: string[];
}

/** A node that reads 'x' and gives 'y'. */
export const one = (op: string, inputs: string[], attributes: Attributes = {}) =>
  node(op, ['x', ...inputs], ['y'], attributes);
const fixed =
  (op: string, inputs: string[], attributes: Attributes = {}) =>
  () => [one(op, inputs, attributes)];

/** The operators that are read, in the sets in which they changed. 'x' has the shape [2, 4, 5, 5] if none is said. */
export const cases: Case[] = [
  {
    what: 'Squeeze and Unsqueeze',
    opsets: [11, 12, 13, 17, 21, 23],
    nodes: (opset) =>
      opset < 13
        ? [
            node('Unsqueeze', ['x'], ['u'], { axes: ints([1, -1]) }),
            node('Squeeze', ['u'], ['y'], { axes: ints([1]) }),
          ]
        : [node('Unsqueeze', ['x', 'both'], ['u']), node('Squeeze', ['u', 'first'], ['y'])],
    constants: { both: int64s([1, -1]), first: int64s([1]) },
  },
  ...['ReduceMean', 'ReduceMax', 'ReduceSum'].flatMap((op): Case[] => {
    const asInput = (opset: number) => opset >= (op === 'ReduceSum' ? 13 : 18);
    return [
      {
        what: `${op} over some axes`,
        opsets: [11, 13, 17, 18, 21],
        nodes: (opset) =>
          asInput(opset)
            ? [one(op, ['axes'], { keepdims: int(0) })]
            : [one(op, [], { axes: ints([2, -1]), keepdims: int(0) })],
        constants: { axes: int64s([2, -1]) },
      },
      {
        what: `${op} over all axes`,
        opsets: [18, 21],
        nodes: () => [node(op, ['x', 'none'], ['s']), node('Sub', ['x', 's'], ['y'])],
        constants: { none: int64s([]) },
      },
      {
        what: `${op} over no axes`,
        opsets: [18, 21],
        nodes: () => [node(op, ['x'], ['s'], { noop_with_empty_axes: int(1) }), node('Relu', ['s'], ['y'])],
        ops: ['Relu'],
      },
    ];
  }),
  {
    what: 'Split into equal parts',
    opsets: [11, 13, 17, 18, 21],
    nodes: (opset) => [
      node('Split', ['x'], ['a', 'b'], opset < 18 ? { axis: int(1) } : { axis: int(1), num_outputs: int(2) }),
      node('Sub', ['a', 'b'], ['y']),
    ],
  },
  {
    what: 'Split into parts of which the last is smaller',
    opsets: [18, 21],
    nodes: () => [
      node('Split', ['x'], ['a', 'b', 'c'], { axis: int(-1), num_outputs: int(3) }),
      node('Concat', ['c', 'a', 'b'], ['y'], { axis: int(-1) }),
    ],
    dims: [2, 3, 7],
  },
  {
    what: 'Split into given sizes',
    opsets: [11, 13, 18],
    nodes: (opset) => [
      opset < 13
        ? node('Split', ['x'], ['a', 'b'], { axis: int(1), split: ints([1, 3]) })
        : node('Split', ['x', 'sizes'], ['a', 'b'], { axis: int(1) }),
      node('Concat', ['b', 'a'], ['y'], { axis: int(1) }),
    ],
    constants: { sizes: int64s([1, 3]) },
  },
  {
    what: 'Pad',
    opsets: [10, 11, 13, 18, 19, 21],
    nodes: (opset) =>
      opset < 11
        ? [one('Pad', [], { pads: ints([0, 0, 1, 0, 0, 0, 0, 2]), value: float(3) })]
        : [one('Pad', ['pads', 'three'])],
    constants: { pads: int64s([0, 0, 1, 0, 0, 0, 0, 2]), three: floats([3], []) },
  },
  {
    what: 'Pad of some axes',
    opsets: [18, 21],
    nodes: fixed('Pad', ['pads', '', 'axes']),
    constants: { pads: int64s([1, 0, 2, 3]), axes: int64s([-1, 2]) },
  },
  {
    what: 'Clip',
    opsets: [7, 10, 11, 12, 13, 21],
    nodes: (opset) =>
      opset < 11 ? [one('Clip', [], { min: float(-0.5), max: float(0.25) })] : [one('Clip', ['low', 'high'])],
    constants: { low: floats([-0.5], []), high: floats([0.25], []) },
  },
  {
    what: 'Slice',
    opsets: [9, 10, 13, 21],
    nodes: (opset) =>
      opset < 10
        ? [one('Slice', [], { starts: ints([1]), ends: ints([2 ** 63]), axes: ints([2]) })]
        : [one('Slice', ['from', 'to', 'axes'])],
    constants: { from: int64s([1]), to: int64s([2 ** 63]), axes: int64s([2]) },
  },
  ...['Softmax', 'LogSoftmax'].flatMap((op): Case[] => [
    { what: `${op} over the last axis`, opsets: [9, 12, 13, 21], nodes: fixed(op, [], { axis: int(3) }) },
    { what: `${op} over the last two axes`, opsets: [9, 11, 12], nodes: fixed(op, [], { axis: int(-2) }) },
    { what: `${op} over all but the batch`, opsets: [11, 12], nodes: fixed(op, []) },
    { what: `${op} over the channels`, opsets: [13, 17, 21], nodes: fixed(op, [], { axis: int(1) }) },
  ]),
  {
    what: 'Dropout',
    opsets: [7, 10, 11, 12, 13, 21, 22],
    nodes: (opset) => [
      opset < 12
        ? node('Dropout', ['x'], ['d'], { ratio: float(0.5) })
        : node('Dropout', ['x', 'half'], ['d', 'mask']),
      node('Relu', ['d'], ['y']),
    ],
    constants: { half: floats([0.5], []) },
    ops: ['Relu'],
  },
  {
    what: 'BatchNormalization',
    opsets: [7, 9, 13, 14, 15, 21],
    nodes: fixed('BatchNormalization', ['g', 'b', 'm', 'v'], { epsilon: float(1e-3) }),
    constants: { g: draw([4]), b: draw([4]), m: draw([4]), v: draw([4], 0.1, 1) },
    ops: ['Mul', 'Add'],
  },
  {
    what: 'Upsample by whole factors',
    opsets: [7, 9],
    nodes: (opset) =>
      opset < 9
        ? [one('Upsample', [], { scales: { kind: 'floats', value: [1, 1, 2, 3] } })]
        : [one('Upsample', ['scales'])],
    constants: { scales: floats([1, 1, 2, 3], [4]) },
    ops: ['Resize'],
  },
  {
    what: 'Resize to larger pictures',
    opsets: [10, 11, 13, 18, 19, 21],
    nodes: (opset) =>
      opset < 11
        ? [one('Resize', ['scales'])]
        : [one('Resize', [opset < 13 ? 'roi' : '', 'scales'], { nearest_mode: string('floor') })],
    constants: { roi: floats([], [0]), scales: floats([1, 1, 2, 2], [4]) },
  },
  {
    what: 'Resize of some axes by scales',
    opsets: [18, 19, 21],
    nodes: fixed('Resize', ['', 'scales'], { axes: ints([3, 2]) }),
    constants: { scales: floats([2, 3], [2]) },
  },
  {
    what: 'Resize of some axes to sizes',
    opsets: [18, 19, 21],
    nodes: fixed('Resize', ['', '', 'sizes'], { axes: ints([2, 3]), mode: string('nearest') }),
    constants: { sizes: int64s([6, 10]) },
  },
  {
    what: 'Cast',
    opsets: [13, 19, 21],
    nodes: (opset) => [
      node('Cast', ['x'], ['i'], { to: int(7), ...(opset >= 19 && { saturate: int(1) }) }),
      node('Cast', ['i'], ['f'], { to: int(1) }),
      node('Sub', ['x', 'f'], ['y']),
    ],
  },
  {
    what: 'Reshape',
    opsets: [7, 13, 14, 19, 21],
    nodes: (opset) => [{ ...one('Reshape', ['shape'], opset < 14 ? {} : { allowzero: int(0) }) }],
    constants: { shape: int64s([0, -1, 2]) },
  },
  ...['MaxPool', 'AveragePool'].map(
    (op): Case => ({
      what: op,
      opsets: [10, 11, 12, 19, 21, 22],
      nodes: (opset) => [
        one(op, [], {
          kernel_shape: ints([2, 2]),
          strides: ints([2, 2]),
          ceil_mode: int(1),
          ...(op === 'AveragePool' && opset >= 19 && { dilations: ints([1, 1]) }),
          ...(op === 'MaxPool' && { dilations: ints([1, 1]) }),
        }),
      ],
    }),
  ),
  ...[18, 21].map(
    (opset): Case => ({
      what: 'GroupNormalization',
      opsets: [opset],
      nodes: fixed('GroupNormalization', ['scale', 'shift'], { num_groups: int(2), epsilon: float(1e-3) }),
      constants: { scale: draw([opset < 21 ? 2 : 4]), shift: draw([opset < 21 ? 2 : 4]) },
    }),
  ),
  {
    what: 'InstanceNormalization',
    opsets: [7, 11, 17, 21, 22],
    nodes: fixed('InstanceNormalization', ['scale', 'shift']),
    constants: { scale: draw([4]), shift: draw([4]) },
  },
  {
    what: 'Sum of three',
    opsets: [8, 13, 21],
    nodes: fixed('Sum', ['c', 'x']),
    constants: { c: draw([4, 1, 1]) },
    ops: ['Add', 'Add'],
  },
  {
    what: 'Gemm',
    opsets: [7, 11, 13, 21],
    nodes: () => [
      node('Flatten', ['x'], ['f']),
      node('Gemm', ['f', 'w', 'c'], ['y'], { transB: int(1), alpha: float(0.5) }),
    ],
    constants: { w: draw([3, 100]), c: draw([3]) },
  },
  ...[
    'Relu',
    'LeakyRelu',
    'Sigmoid',
    'Tanh',
    'HardSigmoid',
    'Erf',
    'Exp',
    'Neg',
    'Elu',
    'Softplus',
    'Identity',
  ].map((op): Case => ({ what: op, opsets: [9, 13, 21, 22], nodes: fixed(op, []) })),
  { what: 'HardSwish', opsets: [14, 21, 22], nodes: fixed('HardSwish', []) },
  {
    what: 'Conv',
    opsets: [7, 11, 21, 22],
    nodes: fixed('Conv', ['w', 'c'], { pads: ints([1, 1, 1, 1]), group: int(2) }),
    constants: { w: draw([6, 2, 3, 3]), c: draw([6]) },
  },
  {
    what: 'ConvTranspose',
    opsets: [7, 11, 21, 22],
    nodes: fixed('ConvTranspose', ['w'], { strides: ints([2, 2]) }),
    constants: { w: draw([4, 2, 2, 2]) },
  },
  {
    what: 'Expand, Where and Less',
    opsets: [9, 13, 21],
    nodes: () => [
      node('Expand', ['c', 'shape'], ['e']),
      node('Less', ['x', 'e'], ['l']),
      node('Where', ['l', 'x', 'e'], ['y']),
    ],
    constants: { c: draw([4, 1, 1]), shape: int64s([1, 4, 5, 5]) },
  },
];
