import { GraphBuilder } from '../../src/onnx/builder.js';
import {
  type Attribute,
  ElementType,
  float,
  floats,
  int,
  ints,
  type Model,
  node,
  sizeOf,
  string,
} from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

/** One node, or a few around it, to be computed by both engines. */
export interface OperatorCase {
  op: string;
  title: string;
  model: Model;
  feeds: Record<string, { dims: number[]; data: Float32Array }>;
}

interface Given {
  /** Shapes of the float inputs. */
  shapes?: number[][];
  attributes?: Record<string, Attribute>;
  /** Names of further inputs, mostly constants. */
  more?: (b: GraphBuilder) => string[];
  low?: number;
  high?: number;
  outputs?: number;
  /** Operator set, where the operator is younger than that of built graphs. */
  opset?: number;
}

const named = (op: string, title: string, model: Model, low = -2, high = 2): OperatorCase => {
  const random = new Random(title.length + 31 * op.length);
  const draw = () => low + random.next() * (high - low);
  const feeds = Object.fromEntries(
    model.graph.inputs.map((i) => {
      const dims = (i.dims ?? []).map(Number);
      return [i.name, { dims, data: Float32Array.from({ length: sizeOf(dims) }, draw) }];
    }),
  );
  return { op, title, model, feeds };
};

/** A node on float inputs x0, x1, ... with outputs y0, y1, ...; shapes of outputs are left to the engines. */
function one(op: string, title: string, g: Given): OperatorCase {
  const b = new GraphBuilder();
  const x = (g.shapes ?? [[2, 3, 4]]).map((s, i) => b.input(`x${i}`, s));
  const inputs = [...x, ...(g.more?.(b) ?? [])];
  const names = Array.from({ length: g.outputs ?? 1 }, (_, i) => `y${i}`);
  const graph = b.graph();
  const model: Model = {
    ...b.model(),
    opset: g.opset ?? 17,
    graph: {
      ...graph,
      nodes: [...graph.nodes, node(op, inputs, names, g.attributes)],
      outputs: names.map((name) => ({ name, type: ElementType.float })),
    },
  };
  return named(op, title, model, g.low, g.high);
}

/** Several nodes; `build` names the operator's result, which is made float for comparing. */
function several(op: string, title: string, build: (b: GraphBuilder) => string, range?: [number, number]) {
  const b = new GraphBuilder();
  b.output(b.op('Cast', [build(b)], { to: int(1) }, 'y'));
  return named(op, title, b.model(), ...(range ?? []));
}

const smooth = [
  ...['Neg', 'Abs', 'Sign', 'Exp', 'Erf', 'Sin', 'Cos', 'Floor', 'Ceil', 'Round', 'Identity', 'Relu'],
  ...['LeakyRelu', 'Elu', 'Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'HardSigmoid', 'HardSwish'],
];
const positive = ['Log', 'Sqrt', 'Reciprocal'];
const two = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum'];
const compared = ['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal'];
const reductions = [
  ...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare'],
  'ReduceLogSumExp',
];
const PICTURE = [2, 4, 6, 5];

const elementwise: OperatorCase[] = [
  ...smooth.map((op) => one(op, 'by default', {})),
  ...smooth.map((op) => onPicture(op)),
  ...positive.map((op) => one(op, 'of what is positive', { low: 0.2 })),
  ...two.map((op) =>
    one(op, 'of one shape', {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      low: 0.3,
    }),
  ),
  ...two.map((op) =>
    one(op, 'broadcast both ways', {
      shapes: [
        [2, 1, 4],
        [3, 1],
      ],
      low: 0.3,
    }),
  ),
  ...['Add', 'Mul', 'Sub', 'Div'].map((op) => one(op, 'with a scalar', { shapes: [[], [2, 3]], low: 0.3 })),
  ...['Max', 'Min', 'Sum'].map((op) => one(op, 'of three', { shapes: [[2, 1], [1, 3], [3]] })),
  one('Max', 'of one', { shapes: [[2, 3]] }),
  one('Pow', 'of what is positive', {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    low: 0.2,
  }),
  one('Pow', 'squares', { more: (b) => [b.scalar(2)] }),
  one('LeakyRelu', 'with a slope', { attributes: { alpha: float(0.3) } }),
  one('Elu', 'with a limit', { attributes: { alpha: float(0.6) } }),
  one('HardSigmoid', 'with slope and shift', { attributes: { alpha: float(0.5), beta: float(0.25) } }),
  one('Mish', 'by default', { opset: 18 }),
  one('Gelu', 'exact', { opset: 20 }),
  one('Gelu', 'approximate', { opset: 20, attributes: { approximate: string('tanh') } }),
  one('PRelu', 'a slope a channel', {
    shapes: [
      [2, 3, 2, 2],
      [3, 1, 1],
    ],
  }),
  one('Clip', 'both limits', { more: (b) => [b.scalar(-0.5), b.scalar(1)] }),
  one('Clip', 'only below', { more: (b) => [b.scalar(0)] }),
  one('Clip', 'only above', { more: (b) => ['', b.scalar(0.5)] }),
  one('Clip', 'no limit', {}),
  one('Clip', 'far beyond', { more: (b) => [b.scalar(0), b.scalar(1)], low: -1e38, high: 1e38 }),
  ...compared.map((op) =>
    several(op, 'as numbers', (b) => {
      const rounded = plain(b, 'Floor', [b.input('x', [4, 5])]);
      return plain(b, op, [rounded, plain(b, 'Floor', [b.input('z', [5])])]);
    }),
  ),
  several('Not', 'of a comparison', (b) => plain(b, 'Not', [above(b, 'x')])),
  several('And', 'of two', (b) => plain(b, 'And', [above(b, 'x'), above(b, 'z')])),
  several('Or', 'of two', (b) => plain(b, 'Or', [above(b, 'x'), above(b, 'z')])),
  several('Where', 'of two tensors', (b) =>
    b.op('Where', [above(b, 'x'), b.input('p', [3, 4]), b.input('q', [4])]),
  ),
  several(
    'Cast',
    'to whole numbers and back',
    (b) => b.op('Cast', [b.input('x', [9])], { to: int(7) }),
    [-9, 9],
  ),
  several('Cast', 'to truth and back', (b) =>
    b.op('Cast', [plain(b, 'Floor', [b.input('x', [9])])], { to: int(9) }),
  ),
];

/** The operator between two convolutions, where tensors are in the other layout. */
function onPicture(op: string): OperatorCase {
  return several(op, 'between convolutions', (b) => {
    const x = b.op('Conv', [b.input('x', [2, 3, 4, 4]), b.input('w', [3, 3, 1, 1])]);
    const y = b.op('Mul', [plain(b, op, [x]), b.input('s', [3, 1, 1])]);
    return b.op('Conv', [b.op('Add', [y, b.input('t', [2, 3, 4, 4])]), b.input('v', [2, 3, 3, 3])]);
  });
}

function above(b: GraphBuilder, name: string): string {
  return b.op('Greater', [b.input(name, [3, 4]), b.scalar(0)]);
}

/** A node of which the builder does not know the shape: that of its first input. */
function plain(b: GraphBuilder, op: string, inputs: string[], shape = b.shape(inputs[0]!)): string {
  const output = b.fresh(op);
  // The builder takes a node's shape from its rule; Identity's rule is that of the first input.
  const name = b.op('Identity', [b.op('Expand', [b.scalar(0), b.ints(...shape)])], {}, output);
  const made = b.nodes.at(-1)!;
  made.op = op;
  made.inputs = inputs;
  return name;
}

const convolutions: OperatorCase[] = [
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

const pools: OperatorCase[] = ['MaxPool', 'AveragePool'].flatMap((op) => [
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

const products: OperatorCase[] = [
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

const reduced: OperatorCase[] = [
  ...reductions.map((op) => one(op, 'all axes', { low: 0.3 })),
  ...reductions.map((op) =>
    one(op, 'some axes, dropped', { attributes: { axes: ints([-1, 0]), keepdims: int(0) } }),
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

const shapes: OperatorCase[] = [
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

/** Cases of every operator that the TensorFlow.js engine has. */
export const operatorCases: OperatorCase[] = [
  ...elementwise,
  ...convolutions,
  ...pools,
  ...products,
  ...reduced,
  ...shapes,
];
