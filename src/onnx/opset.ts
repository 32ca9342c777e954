import { lowerGroupNorm, lowerInstanceNorm } from './instance-norm.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  floatAttribute,
  floats,
  int,
  int64s,
  intAttribute,
  ints,
  intsAttribute,
  type Node,
  node,
  string,
  stringAttribute,
  without,
} from './model.js';
import { explicitPads } from './pads.js';
import { refused } from './refused.js';

/** What a conversion may ask and do. */
export interface ConversionContext {
  /** The operator set that the node is written in. */
  opset: number;
  /** Adds a constant and returns its name, which is the wanted one or one like it. */
  constant(wanted: string, t: ConstantTensor): string;
  /** A name that no tensor has. */
  fresh(wanted: string): string;
  /** The shape of a tensor, where it can be told; the batch counts as 1. */
  dims(name: string): readonly number[] | undefined;
  rank(name: string): number | undefined;
  /** The axes of one element, whatever the batch, where the shape can be told. */
  ones(name: string): number[] | undefined;
  /** The values of a constant. */
  values(name: string | undefined): number[] | undefined;
}

/** Returns what stands for a node in the build operator set; the last node has its output. */
type Conversion = (n: Node, c: ConversionContext) => Node[];

function required(n: Node, c: ConversionContext, i: number, what: string): number[] {
  const values = c.values(n.inputs[i]);
  if (!values) throw refused(n, `its ${what} must be a constant`);
  if (what !== 'scales' && !values.every(Number.isInteger)) throw refused(n, `its ${what} are [${values}]`);
  return values;
}

/** The axes that an operator works on, from its attribute or its input; undefined for all. */
function axesOf(n: Node, c: ConversionContext): number[] | undefined {
  const axes = n.inputs[1] ? required(n, c, 1, 'axes') : intsAttribute(n, 'axes');
  return axes?.length ? axes : undefined;
}

/**
 * Axes became an input in set 13. Without any, a Squeeze takes away every axis of one element: of a batch of one sample
 * the batch, too, which is not meant.
 */
const squeeze: Conversion = (n, c) => {
  const given = intsAttribute(n, 'axes');
  const all = n.op === 'Squeeze' && !n.inputs[1] && !given?.length;
  const axes = all ? c.ones(n.inputs[0]!) : given;
  if (!axes) return [n];
  if (axes.length === 0) return [node('Identity', [n.inputs[0]!], [n.outputs[0]!])];
  return [
    { ...without(n, 'axes'), inputs: [n.inputs[0]!, c.constant(`${n.outputs[0]}.axes`, int64s(axes))] },
  ];
};

/** What a reduction over no axis does to every element, where that is not nothing. */
const ALONE: Readonly<Record<string, string>> = {
  ReduceL1: 'Abs',
  ReduceL2: 'Abs',
  ReduceLogSum: 'Log',
  ReduceSumSquare: 'Mul',
};

/** ReduceSum has its axes as an input since set 13, the others since 18: after the build set. */
const reduce: Conversion = (n, c) => {
  const axes = axesOf(n, c);
  if (!axes && intAttribute(n, 'noop_with_empty_axes', 0) === 1) {
    const x = n.inputs[0]!;
    return [node(ALONE[n.op] ?? 'Identity', n.op === 'ReduceSumSquare' ? [x, x] : [x], [n.outputs[0]!])];
  }
  const plain = { ...without(n, 'axes', 'noop_with_empty_axes'), inputs: [n.inputs[0]!] };
  if (!axes) return [plain];
  if (n.op !== 'ReduceSum') return [{ ...plain, attributes: { ...plain.attributes, axes: ints(axes) } }];
  return [{ ...plain, inputs: [n.inputs[0]!, c.constant(`${n.outputs[0]}.axes`, int64s(axes))] }];
};

/** Bounds became inputs in set 11. */
const clip: Conversion = (n, c) => {
  if (c.opset >= 11 || n.inputs.length > 1) return [n];
  const bound = (name: string) =>
    n.attributes[name] ? c.constant(`${n.outputs[0]}.${name}`, floats([floatAttribute(n, name, 0)], [])) : '';
  return [{ ...n, attributes: {}, inputs: [n.inputs[0]!, bound('min'), bound('max')] }];
};

/** Pads became an input in set 11; since 18 they may be of some axes only. */
const pad: Conversion = (n, c) => {
  const out = n.outputs[0]!;
  if (stringAttribute(n, 'mode', 'constant') === 'wrap') throw refused(n, "its mode 'wrap' is not supported");
  if (c.opset < 11) {
    const pads = c.constant(`${out}.pads`, int64s(intsAttribute(n, 'pads') ?? []));
    const value = c.constant(`${out}.value`, floats([floatAttribute(n, 'value', 0)], []));
    return [{ ...without(n, 'pads', 'value'), inputs: [n.inputs[0]!, pads, value] }];
  }
  if (!n.inputs[3]) return [n];
  const axes = required(n, c, 3, 'axes');
  const given = required(n, c, 1, 'pads');
  const rank = rankOf(n, c);
  const pads = Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    const a = normal(n, axis, rank);
    pads[a] = given[i] ?? 0;
    pads[a + rank] = given[i + axes.length] ?? 0;
  });
  return [{ ...n, inputs: [n.inputs[0]!, c.constant(`${out}.pads`, int64s(pads)), n.inputs[2] ?? ''] }];
};

function rankOf(n: Node, c: ConversionContext): number {
  const rank = c.rank(n.inputs[0]!);
  if (rank === undefined) throw refused(n, 'how many axes its input has cannot be told');
  return rank;
}

/** An axis counted from the first, of so many. */
function normal(n: Node, axis: number, rank: number): number {
  if (!(axis >= -rank && axis < rank)) throw refused(n, `its input has ${rank} axes, none is ${axis}`);
  return axis < 0 ? axis + rank : axis;
}

function dimsOf(n: Node, c: ConversionContext): readonly number[] {
  const dims = c.dims(n.inputs[0]!);
  if (!dims) throw refused(n, `the shape of its input '${n.inputs[0]}' cannot be told`);
  return dims;
}

/** Starts and ends became inputs in set 10. */
const slice: Conversion = (n, c) => {
  if (c.opset >= 10) return [n];
  const starts = intsAttribute(n, 'starts') ?? [];
  const given = {
    starts,
    ends: intsAttribute(n, 'ends') ?? [],
    axes: intsAttribute(n, 'axes') ?? starts.map((_, i) => i),
  };
  const inputs = Object.entries(given).map(([name, v]) => c.constant(`${n.outputs[0]}.${name}`, int64s(v)));
  return [{ ...without(n, 'starts', 'ends', 'axes'), inputs: [n.inputs[0]!, ...inputs] }];
};

/** Sizes became an input in set 13; since 18 the last part may be smaller than the others. */
const split: Conversion = (n, c) => {
  const plain = without(n, 'split', 'num_outputs');
  const sizes = (given: number[]) => [
    { ...plain, inputs: [n.inputs[0]!, c.constant(`${n.outputs[0]}.split`, int64s(given))] },
  ];
  const given = intsAttribute(n, 'split');
  if (given) return sizes(given);
  if (n.inputs[1] || c.opset < 18) return [plain];
  const dims = dimsOf(n, c);
  const whole = dims[normal(n, intAttribute(n, 'axis', 0), dims.length)]!;
  const parts = n.outputs.length;
  const each = Math.ceil(whole / parts);
  const last = whole - each * (parts - 1);
  if (last < 0) throw refused(n, `it splits an axis of ${whole} into ${parts} parts`);
  return sizes([...Array<number>(parts - 1).fill(each), last]);
};

/** Before set 13 all axes from `axis` on were one. */
const softmax: Conversion = (n, c) => {
  if (c.opset >= 13) return [n];
  const rank = rankOf(n, c);
  const axis = normal(n, intAttribute(n, 'axis', 1), rank);
  if (axis === rank - 1) return [{ ...n, attributes: { axis: int(-1) } }];
  if (axis === 0) throw refused(n, 'it is over all axes, the batch among them');
  const shape = [0, ...dimsOf(n, c).slice(1)];
  const out = n.outputs[0]!;
  const [flat, soft] = [c.fresh(`${out}.flat`), c.fresh(`${out}.soft`)];
  const rows = c.constant(`${out}.rows`, int64s([...Array<number>(axis).fill(0), -1]));
  return [
    node('Reshape', [n.inputs[0]!, rows], [flat]),
    { ...node(n.op, [flat], [soft], { axis: int(-1) }), name: soft },
    node('Reshape', [soft, c.constant(`${out}.shape`, int64s(shape))], [out]),
  ];
};

/** Upsample, and Resize as it was in set 10, sample at `x_out / scale`, rounded down. */
const upsample: Conversion = (n, c) => {
  if (n.op === 'Resize' && c.opset >= 11) return resize(n, c);
  const given = n.attributes.scales;
  const scales =
    given?.kind === 'floats'
      ? c.constant(`${n.outputs[0]}.scales`, floats(given.value, [given.value.length]))
      : n.inputs[1];
  if (!scales) throw refused(n, 'it has no scales');
  const attributes: Record<string, Attribute> = {
    mode: string(stringAttribute(n, 'mode', 'nearest')),
    coordinate_transformation_mode: string('asymmetric'),
    nearest_mode: string('floor'),
  };
  return [{ ...n, op: 'Resize', attributes, inputs: [n.inputs[0]!, '', scales] }];
};

/** Since set 18 scales and sizes may be of some axes only, and there is anti-aliasing. */
const resize: Conversion = (n, c) => {
  if (c.opset < 18) return [n];
  if (intAttribute(n, 'antialias', 0) === 1) throw refused(n, 'anti-aliasing is not supported');
  if (stringAttribute(n, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') {
    throw refused(n, 'keeping the aspect ratio is not supported');
  }
  const plain = without(n, 'antialias', 'keep_aspect_ratio_policy', 'axes');
  if (stringAttribute(n, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel_symmetric') {
    throw refused(n, "the coordinates 'half_pixel_symmetric' are not supported");
  }
  const axes = intsAttribute(n, 'axes');
  if (!axes) return [plain];
  const rank = rankOf(n, c);
  const spread = (values: number[], rest: readonly number[]) => {
    const all = [...rest];
    axes.forEach((a, i) => {
      all[normal(n, a, rank)] = values[i] ?? 0;
    });
    return all;
  };
  const out = n.outputs[0]!;
  if (n.inputs[2]) {
    const scales = spread(required(n, c, 2, 'scales'), Array<number>(rank).fill(1));
    return [{ ...plain, inputs: [n.inputs[0]!, '', c.constant(`${out}.scales`, floats(scales, [rank]))] }];
  }
  // Sizes would have to name the batch, too; scales need not.
  const dims = dimsOf(n, c);
  const scales = spread(required(n, c, 3, 'sizes'), dims).map((size, i) => size / dims[i]!);
  return [{ ...plain, inputs: [n.inputs[0]!, '', c.constant(`${out}.scales`, floats(scales, [rank]))] }];
};

/** Since set 12 the exponent may be of integers, with which no gradient is computed. */
const pow: Conversion = (n, c) => {
  const [x, exponent] = n.inputs;
  if (c.opset < 12 || !exponent) return [n];
  const cast = c.fresh(`${n.outputs[0]}.exponent`);
  const to = int(ElementType.float);
  return [node('Cast', [exponent], [cast], { to }), { ...n, inputs: [x!, cast] }];
};

/** What casts to 8-bit floats do is new in sets 19 and 24. */
const cast: Conversion = (n) => [without(n, 'saturate', 'round_mode')];

/** Before set 9 it could be of each element, in place of each channel. */
const batchNormalization: Conversion = (n) => {
  if (intAttribute(n, 'spatial', 1) === 0) throw refused(n, 'it is not by channel');
  return [without(n, 'spatial')];
};

/** Sum of any number of tensors. */
const sum: Conversion = (n, c) => {
  const out = n.outputs[0]!;
  if (n.inputs.length < 2) return [node('Identity', [n.inputs[0]!], [out])];
  const nodes: Node[] = [];
  n.inputs.reduce((left, right, i) => {
    const name = i === n.inputs.length - 1 ? out : c.fresh(`${out}.sum`);
    nodes.push(node('Add', [left, right], [name]));
    return name;
  });
  return nodes;
};

const CONVERSIONS: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ['Squeeze', squeeze],
  ['Unsqueeze', squeeze],
  ...['Sum', 'Mean', 'Max', 'Min', 'Prod', 'L1', 'L2', 'LogSum', 'LogSumExp', 'SumSquare'].map(
    (kind) => [`Reduce${kind}`, reduce] as const,
  ),
  ['Clip', clip],
  ['Pad', pad],
  ['Slice', slice],
  ['Split', split],
  ['Softmax', softmax],
  ['LogSoftmax', softmax],
  ['Upsample', upsample],
  ['Resize', upsample],
  ['AveragePool', explicitPads],
  ['MaxPool', explicitPads],
  ['Conv', explicitPads],
  ['Pow', pow],
  ['Cast', cast],
  // The ratio became an input in set 12, and is of no use at inference.
  ['Dropout', (n, c) => [c.opset < 12 ? without(n, 'ratio') : n]],
  ['BatchNormalization', batchNormalization],
  ['Sum', sum],
  ['GroupNormalization', (n, c) => lowerGroupNorm(n, c, dimsOf(n, c))],
  ['InstanceNormalization', (n, c) => lowerInstanceNorm(n, c, dimsOf(n, c))],
]);

/**
 * Writes a node in the build operator set: attributes that became inputs and inputs that were attributes, and
 * operators that it has not or that mean the same as others.
 * @throws LichenError `onnx-invalid` where the meaning would change
 */
export function inBuildSet(n: Node, c: ConversionContext): Node[] {
  const conversion = CONVERSIONS.get(n.op);
  if (!conversion) return [n];
  if (!n.inputs[0] || !n.outputs[0]) throw refused(n, 'it has no input or no output');
  try {
    return conversion(n, c);
  } catch (error) {
    // What does not fit, such as a kernel wider than what it reads.
    throw error instanceof RangeError ? refused(n, error.message) : error;
  }
}

const NUMBERS: ReadonlySet<ElementType> = new Set([
  ElementType.int64,
  ElementType.int32,
  ElementType.float,
  ElementType.bool,
]);

/** The values of a constant as numbers, of the types that parameters of operators have. */
export function numbersOf(t: ConstantTensor | undefined): number[] | undefined {
  return t && NUMBERS.has(t.type) ? Array.from(t.data, Number) : undefined;
}
