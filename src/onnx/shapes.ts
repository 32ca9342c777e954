import { LichenError } from '../errors.js';
import { intAttribute, intsAttribute, type Node, sizeOf, stringAttribute } from './model.js';

/** What shape inference may ask about a node's inputs. */
export interface ShapeContext {
  /** The static shape of a tensor. */
  shape(name: string): readonly number[];
  /** The values of a constant integer tensor, or undefined where it is not a constant. */
  integers(name: string): number[] | undefined;
}

type ShapeRule = (node: Node, c: ShapeContext) => number[][];

/** The shape that two shapes broadcast to (ONNX multidirectional broadcasting). */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`shapes [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

const input = (n: Node, c: ShapeContext, i: number) => c.shape(n.inputs[i]!);
const same: ShapeRule = (n, c) => [[...input(n, c, 0)]];
const broadcasted: ShapeRule = (n, c) => [
  n.inputs.map((name) => [...c.shape(name)]).reduce((a, b) => broadcast(a, b)),
];
const normalAxis = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

/** Geometry of a convolution or pooling node: everything by spatial axis. */
export interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Padding at each axis's beginning, then at each axis's end. */
  pads: number[];
  output: number[];
}

/**
 * Kernel, strides, dilations, pads and output size of a Conv or pooling node, with `auto_pad` resolved.
 * @param spatial the input's spatial shape
 */
export function windowOf(n: Node, spatial: readonly number[], kernel: readonly number[]): Window {
  const r = spatial.length;
  const strides = intsAttribute(n, 'strides') ?? Array<number>(r).fill(1);
  const dilations = intsAttribute(n, 'dilations') ?? Array<number>(r).fill(1);
  const extent = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const auto = stringAttribute(n, 'auto_pad', 'NOTSET');
  let pads = intsAttribute(n, 'pads') ?? Array<number>(2 * r).fill(0);
  if (auto === 'VALID') pads = Array<number>(2 * r).fill(0);
  else if (auto !== 'NOTSET') {
    const total = spatial.map((s, i) =>
      Math.max(0, (Math.ceil(s / strides[i]!) - 1) * strides[i]! + extent[i]! - s),
    );
    const small = total.map((t) => Math.floor(t / 2));
    const large = total.map((t, i) => t - small[i]!);
    pads = auto === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small];
  }
  const ceil = intAttribute(n, 'ceil_mode', 0) === 1;
  const output = spatial.map((s, i) => {
    const steps = (s + pads[i]! + pads[i + r]! - extent[i]!) / strides[i]!;
    let size = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // As ONNX has it: a window that would start in the right padding does not count.
    if (ceil && (size - 1) * strides[i]! >= s + pads[i]!) size--;
    if (size < 1) throw new RangeError(`a kernel of ${extent[i]} does not fit an input of ${s}`);
    return size;
  });
  return { kernel: [...kernel], strides, dilations, pads, output };
}

const pool: ShapeRule = (n, c) => {
  const x = input(n, c, 0);
  const { output } = windowOf(n, x.slice(2), intsAttribute(n, 'kernel_shape') ?? []);
  return n.outputs.map(() => [x[0]!, x[1]!, ...output]);
};

const reduce: ShapeRule = (n, c) => {
  const x = input(n, c, 0);
  const given = intsAttribute(n, 'axes') ?? (n.inputs[1] ? c.integers(n.inputs[1]) : undefined);
  const axes = new Set((given ?? x.map((_, i) => i)).map((a) => normalAxis(a, x.length)));
  const keep = intAttribute(n, 'keepdims', 1) === 1;
  return [x.flatMap((d, i) => (axes.has(i) ? (keep ? [1] : []) : [d]))];
};

const constants = (n: Node, c: ShapeContext, i: number): number[] => {
  const values = n.inputs[i] ? c.integers(n.inputs[i]) : undefined;
  if (!values) throw new RangeError(`its input ${i} ('${n.inputs[i] ?? ''}') must be a constant`);
  return values;
};

const matmul: ShapeRule = (n, c) => {
  const a = [...input(n, c, 0)];
  const b = [...input(n, c, 1)];
  if (a.length === 1) a.unshift(1);
  if (b.length === 1) b.push(1);
  if (a.at(-1) !== b.at(-2)) throw new RangeError(`cannot multiply [${a}] by [${b}]`);
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  const rows = input(n, c, 0).length === 1 ? [] : [a.at(-2)!];
  const columns = input(n, c, 1).length === 1 ? [] : [b.at(-1)!];
  return [[...batch, ...rows, ...columns]];
};

/** Start, end (exclusive) and step of a Slice by axis, clamped as the standard says. */
export function sliceOf(
  n: Node,
  c: ShapeContext,
): { start: number[]; end: number[]; step: number[]; output: number[] } {
  const x = input(n, c, 0);
  const starts = constants(n, c, 1);
  const ends = constants(n, c, 2);
  const axes = (n.inputs[3] ? constants(n, c, 3) : starts.map((_, i) => i)).map((a) =>
    normalAxis(a, x.length),
  );
  const steps = n.inputs[4] ? constants(n, c, 4) : starts.map(() => 1);
  const start = x.map(() => 0);
  const end = [...x];
  const step = x.map(() => 1);
  axes.forEach((axis, i) => {
    const d = x[axis]!;
    const by = steps[i]!;
    const clamp = (v: number, lo: number, hi: number) => Math.min(Math.max(v < 0 ? v + d : v, lo), hi);
    step[axis] = by;
    start[axis] = by > 0 ? clamp(starts[i]!, 0, d) : clamp(starts[i]!, 0, d - 1);
    end[axis] = by > 0 ? clamp(ends[i]!, 0, d) : ends[i]! < -d ? -1 : clamp(ends[i]!, -1, d - 1);
  });
  const output = x.map((_, i) => Math.max(0, Math.ceil((end[i]! - start[i]!) / step[i]!)));
  return { start, end, step, output };
}

const rules: Record<string, ShapeRule> = {
  Conv: (n, c) => {
    const x = input(n, c, 0);
    const w = input(n, c, 1);
    const groups = intAttribute(n, 'group', 1);
    if (x[1] !== w[1]! * groups) {
      throw new RangeError(`weight [${w}] with ${groups} group(s) does not fit an input of ${x[1]} channels`);
    }
    return [[x[0]!, w[0]!, ...windowOf(n, x.slice(2), w.slice(2)).output]];
  },
  ConvTranspose: (n, c) => {
    const x = input(n, c, 0);
    const w = input(n, c, 1);
    const r = x.length - 2;
    const one = Array<number>(r).fill(1);
    const strides = intsAttribute(n, 'strides') ?? one;
    const dilations = intsAttribute(n, 'dilations') ?? one;
    const pads = intsAttribute(n, 'pads') ?? Array<number>(2 * r).fill(0);
    const extra = intsAttribute(n, 'output_padding') ?? Array<number>(r).fill(0);
    const out = x
      .slice(2)
      .map(
        (s, i) =>
          strides[i]! * (s - 1) + extra[i]! + (w[2 + i]! - 1) * dilations[i]! + 1 - pads[i]! - pads[i + r]!,
      );
    return [[x[0]!, w[1]! * intAttribute(n, 'group', 1), ...out]];
  },
  Gemm: (n, c) => {
    const a = input(n, c, 0);
    const b = input(n, c, 1);
    const [m, k] = intAttribute(n, 'transA', 0) ? [a[1]!, a[0]!] : [a[0]!, a[1]!];
    const [k2, p] = intAttribute(n, 'transB', 0) ? [b[1]!, b[0]!] : [b[0]!, b[1]!];
    if (k !== k2) throw new RangeError(`cannot multiply [${a}] by [${b}]`);
    return [[m, p]];
  },
  MatMul: matmul,
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: (n, c) => [input(n, c, 0).map((d, i) => (i < 2 ? d : 1))],
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  Reshape: (n, c) => {
    const x = input(n, c, 0);
    const to = constants(n, c, 1).map((d, i) => (d === 0 && !intAttribute(n, 'allowzero', 0) ? x[i]! : d));
    const rest = sizeOf(to.filter((d) => d !== -1));
    const shape = to.map((d) => (d === -1 ? sizeOf(x) / rest : d));
    if (sizeOf(shape) !== sizeOf(x) || !shape.every(Number.isInteger))
      throw new RangeError(`cannot reshape [${x}] to [${to}]`);
    return [shape];
  },
  Flatten: (n, c) => {
    const x = input(n, c, 0);
    const axis = normalAxis(intAttribute(n, 'axis', 1), x.length);
    return [[sizeOf(x.slice(0, axis)), sizeOf(x.slice(axis))]];
  },
  Squeeze: (n, c) => {
    const x = input(n, c, 0);
    const given = n.inputs[1] ? constants(n, c, 1) : intsAttribute(n, 'axes');
    const axes = given?.map((a) => normalAxis(a, x.length)) ?? x.flatMap((d, i) => (d === 1 ? [i] : []));
    return [x.filter((_, i) => !axes.includes(i))];
  },
  Unsqueeze: (n, c) => {
    const x = [...input(n, c, 0)];
    const given = n.inputs[1] ? constants(n, c, 1) : (intsAttribute(n, 'axes') ?? []);
    const rank = x.length + given.length;
    for (const a of given.map((a) => normalAxis(a, rank)).sort((p, q) => p - q)) x.splice(a, 0, 1);
    return [x];
  },
  Transpose: (n, c) => {
    const x = input(n, c, 0);
    const perm = intsAttribute(n, 'perm') ?? x.map((_, i) => x.length - 1 - i);
    return [perm.map((p) => x[p]!)];
  },
  Concat: (n, c) => {
    const shape = [...input(n, c, 0)];
    const axis = normalAxis(intAttribute(n, 'axis', 0), shape.length);
    shape[axis] = n.inputs.reduce((sum, name) => sum + c.shape(name)[axis]!, 0);
    return [shape];
  },
  Split: (n, c) => {
    const x = input(n, c, 0);
    const axis = normalAxis(intAttribute(n, 'axis', 0), x.length);
    const parts = n.outputs.length;
    const each = Math.ceil(x[axis]! / parts);
    const given = n.inputs[1] ? constants(n, c, 1) : intsAttribute(n, 'split');
    const sizes = given ?? n.outputs.map((_, i) => (i < parts - 1 ? each : x[axis]! - each * (parts - 1)));
    return sizes.map((s) => x.map((d, i) => (i === axis ? s : d)));
  },
  Slice: (n, c) => [sliceOf(n, c).output],
  Pad: (n, c) => {
    const x = input(n, c, 0);
    const pads = constants(n, c, 1);
    const axes = (n.inputs[3] ? constants(n, c, 3) : x.map((_, i) => i)).map((a) => normalAxis(a, x.length));
    const shape = [...x];
    axes.forEach((a, i) => {
      shape[a]! += pads[i]! + pads[i + axes.length]!;
    });
    return [shape];
  },
  Expand: (n, c) => [broadcast(input(n, c, 0), constants(n, c, 1))],
  BatchNormalization: (n, c) => [[...input(n, c, 0)]],
  LayerNormalization: (n, c) => [[...input(n, c, 0)]],
  Dropout: (n, c) => n.outputs.map(() => [...input(n, c, 0)]),
  ScatterElements: same,
};
for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Greater', 'Less', 'Equal', 'Where']) {
  rules[op] = broadcasted;
}
for (const op of [
  ...[
    'Relu',
    'LeakyRelu',
    'Clip',
    'HardSwish',
    'HardSigmoid',
    'Sigmoid',
    'Tanh',
    'Erf',
    'Exp',
    'Log',
    'Sqrt',
  ],
  ...['Neg', 'Abs', 'Sign', 'Reciprocal', 'Identity', 'Softmax', 'LogSoftmax', 'Cast', 'Binarize'],
  ...['QuantizeLinear', 'DequantizeLinear', 'Not', 'Elu', 'Softplus', 'Gelu'],
]) {
  rules[op] = same;
}

/**
 * The static shapes of a node's outputs.
 * @throws LichenError `onnx-shape`, naming operator and node
 */
export function inferShapes(n: Node, c: ShapeContext): number[][] {
  const rule = Object.hasOwn(rules, n.op) ? rules[n.op] : undefined;
  if (!rule) {
    throw new LichenError(
      'onnx-shape',
      `the shape of operator ${n.op} (node '${n.name}') cannot be inferred; supported: ${Object.keys(rules).sort().join(', ')}`,
    );
  }
  try {
    return rule(n, c);
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw new LichenError('onnx-shape', `node '${n.name}' (${n.op}): ${(error as Error).message}`, {
      cause: error,
    });
  }
}
