import { intAttribute, intsAttribute, type Node, stringAttribute } from '../model.js';
import { input, type ShapeRule } from './context.js';

/** Geometry of a convolution or pooling node: everything by spatial axis. */
export interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Padding at each axis's beginning, then at each axis's end. */
  pads: number[];
  output: number[];
}

const extents = (kernel: readonly number[], dilations: readonly number[]) =>
  kernel.map((k, i) => (k - 1) * dilations[i]! + 1);

/**
 * Kernel, strides, dilations, pads and output size of a Conv or pooling node, with `auto_pad` resolved.
 * @param spatial the input's spatial shape
 */
export function windowOf(n: Node, spatial: readonly number[], kernel: readonly number[]): Window {
  const r = spatial.length;
  const strides = intsAttribute(n, 'strides') ?? Array<number>(r).fill(1);
  const dilations = intsAttribute(n, 'dilations') ?? Array<number>(r).fill(1);
  const extent = extents(kernel, dilations);
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
  const ceil = intAttribute(n, 'ceil_mode', 0) === 1 && !auto.startsWith('SAME');
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

/**
 * The same of a ConvTranspose, with `auto_pad` and `output_shape` resolved: `output` is what the transposed
 * convolution gives, `pads` are what it leaves out.
 * @param spatial the input's spatial shape
 */
export function transposedWindowOf(n: Node, spatial: readonly number[], kernel: readonly number[]): Window {
  const r = spatial.length;
  const strides = intsAttribute(n, 'strides') ?? Array<number>(r).fill(1);
  const dilations = intsAttribute(n, 'dilations') ?? Array<number>(r).fill(1);
  const extra = intsAttribute(n, 'output_padding') ?? Array<number>(r).fill(0);
  const extent = extents(kernel, dilations);
  const full = spatial.map((s, i) => strides[i]! * (s - 1) + extra[i]! + extent[i]!);
  const auto = stringAttribute(n, 'auto_pad', 'NOTSET');
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const wanted =
    intsAttribute(n, 'output_shape')?.slice(-r) ??
    (same ? spatial.map((s, i) => s * strides[i]!) : undefined);
  if (wanted) {
    const total = full.map((f, i) => Math.max(0, f - wanted[i]!));
    const small = total.map((t) => Math.floor(t / 2));
    const large = total.map((t, i) => t - small[i]!);
    const pads = auto === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small];
    const output = intsAttribute(n, 'output_shape') ? wanted : full.map((f, i) => f - total[i]!);
    return { kernel: [...kernel], strides, dilations, pads, output };
  }
  const pads = (auto === 'NOTSET' ? intsAttribute(n, 'pads') : undefined) ?? Array<number>(2 * r).fill(0);
  const output = full.map((f, i) => f - pads[i]! - pads[i + r]!);
  return { kernel: [...kernel], strides, dilations, pads, output };
}

const pool: ShapeRule = (n, c) => {
  const x = input(n, c, 0);
  const { output } = windowOf(n, x.slice(2), intsAttribute(n, 'kernel_shape') ?? []);
  return n.outputs.map(() => [x[0]!, x[1]!, ...output]);
};

const globalPool: ShapeRule = (n, c) => [input(n, c, 0).map((d, i) => (i < 2 ? d : 1))];

/** Shapes of operators that slide a window. */
export const window: Record<string, ShapeRule> = {
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
    if (x[1] !== w[0]) throw new RangeError(`weight [${w}] does not fit an input of ${x[1]} channels`);
    const { output } = transposedWindowOf(n, x.slice(2), w.slice(2));
    return [[x[0]!, w[1]! * intAttribute(n, 'group', 1), ...output]];
  },
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
};
