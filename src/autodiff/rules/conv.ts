import type { GraphBuilder } from '../../onnx/builder.js';
import { type ConstantTensor, floats, int, intAttribute, ints, sizeOf } from '../../onnx/model.js';
import { transposedWindowOf, type Window, windowOf } from '../../onnx/shapes.js';
import { type Rule, type RuleContext, reshape, sum } from '../rule.js';
import { unravel } from '../windows.js';

export const conv: Record<string, Rule> = {
  Conv: (c) => {
    const { node, x, dy, b, wants } = c;
    const xs = b.shape(x[0]!);
    const ws = b.shape(x[1]!);
    const window = windowOf(node, xs.slice(2), ws.slice(2));
    const groups = intAttribute(node, 'group', 1);
    const spatial = xs.slice(2).map((_, i) => i + 2);
    return [
      wants(0) ? inputGradient(c, window, groups) : undefined,
      wants(1) ? weightGradient(b, x[0]!, dy, ws, window, groups) : undefined,
      x[2] && wants(2) ? sum(b, dy, [0, ...spatial]) : undefined,
    ];
  },
  // The transpose of a convolution from dy to dx with the same weight, so both change places here.
  ConvTranspose: ({ node, x, dy, b, wants }) => {
    const xs = b.shape(x[0]!);
    const ws = b.shape(x[1]!);
    const spatial = xs.slice(2).map((_, i) => i + 2);
    const window = transposedWindowOf(node, xs.slice(2), ws.slice(2));
    const groups = intAttribute(node, 'group', 1);
    const dx = () => {
      const all = b.op('Conv', [dy, x[1]!], {
        kernel_shape: ints(window.kernel),
        strides: ints(window.strides),
        dilations: ints(window.dilations),
        pads: ints(window.pads),
        group: int(groups),
      });
      // Output padding as wide as a stride has room for positions that were never there.
      if (String(b.shape(all)) === String(xs)) return all;
      return b.op('Slice', [
        all,
        b.ints(...spatial.map(() => 0)),
        b.ints(...xs.slice(2)),
        b.ints(...spatial),
      ]);
    };
    const back = { ...window, output: xs.slice(2) };
    return [
      wants(0) ? dx() : undefined,
      wants(1) ? weightGradient(b, dy, x[0]!, ws, back, groups) : undefined,
      x[2] && wants(2) ? sum(b, dy, [0, ...spatial]) : undefined,
    ];
  },
};

/** dx: the transposed convolution; where it has stride 1 and a constant weight, a plain convolution. */
function inputGradient({ x, dy, b }: RuleContext, w: Window, groups: number): string {
  const xs = b.shape(x[0]!);
  const weight = b.initializers.get(x[1]!);
  if (weight && !(weight.data instanceof Float32Array))
    throw new RangeError('its weight has no real numbers');
  const r = w.kernel.length;
  const extent = w.kernel.map((k, i) => (k - 1) * w.dilations[i]! + 1);
  const pads = w.pads.map((p, i) => extent[i % r]! - 1 - p);
  if (weight && w.strides.every((s) => s === 1) && pads.every((p) => p >= 0)) {
    // Constant depthwise weights run in ORT's blocked layout, several times faster than as an input.
    const flipped = b.constant(flip(weight, groups));
    return b.op('Conv', [dy, flipped], {
      kernel_shape: ints(w.kernel),
      dilations: ints(w.dilations),
      pads: ints(pads),
      group: int(groups),
    });
  }
  return transposedConv(b, dy, x[1]!, xs.slice(2), w, groups);
}

/** A ConvTranspose whose output has just the spatial shape `to`, whatever the strides left over. */
export function transposedConv(
  b: GraphBuilder,
  dy: string,
  weight: string,
  to: readonly number[],
  w: Window,
  groups: number,
): string {
  const extent = w.kernel.map((k, i) => (k - 1) * w.dilations[i]! + 1);
  const begin = w.pads.slice(0, to.length);
  const over = to.map((s, i) => w.strides[i]! * (w.output[i]! - 1) + extent[i]! - begin[i]! - s);
  return b.op('ConvTranspose', [dy, weight], {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    pads: ints([...begin, ...over.map((o) => Math.max(0, o))]),
    output_padding: ints(over.map((o) => Math.max(0, -o))),
    group: int(groups),
  });
}

/** [out, in/groups, ...k] to [in, out/groups, ...k], with every kernel axis reversed. */
function flip(t: ConstantTensor, groups: number): ConstantTensor {
  const [out, inPer] = t.dims as [number, number];
  const k = sizeOf(t.dims.slice(2));
  const outPer = out / groups;
  const from = t.data as Float32Array;
  const to = new Float32Array(from.length);
  for (let g = 0; g < groups; g++) {
    for (let o = 0; o < outPer; o++) {
      for (let i = 0; i < inPer; i++) {
        const source = ((g * outPer + o) * inPer + i) * k;
        const target = ((g * inPer + i) * outPer + o) * k;
        for (let j = 0; j < k; j++) to[target + j] = from[source + k - 1 - j]!;
      }
    }
  }
  return floats(to, [groups * inPer, outPer, ...t.dims.slice(2)]);
}

/**
 * dW: the patches that each kernel element saw, as slices, times dy, as one matrix product per group. A
 * convolution with dy as its kernel would be the shorter way, and is several times slower.
 */
function weightGradient(
  b: GraphBuilder,
  x: string,
  dy: string,
  ws: readonly number[],
  w: Window,
  groups: number,
): string {
  const [n, channels, ...spatial] = b.shape(x) as [number, number, ...number[]];
  const r = spatial.length;
  const elements = sizeOf(w.kernel);
  const positions = sizeOf(w.output);
  const inPer = channels / groups;
  const outPer = ws[0]! / groups;
  const padded = w.pads.some((p) => p !== 0)
    ? b.op('Pad', [x, b.ints(0, 0, ...w.pads.slice(0, r), 0, 0, ...w.pads.slice(r))])
    : x;
  const axes = b.ints(...spatial.map((_, i) => i + 2));
  const slices: string[] = [];
  for (let e = 0; e < elements; e++) {
    const at = unravel(e, w.kernel).map((k, i) => k * w.dilations[i]!);
    const ends = at.map((a, i) => a + (w.output[i]! - 1) * w.strides[i]! + 1);
    const slice = b.op('Slice', [padded, b.ints(...at), b.ints(...ends), axes, b.ints(...w.strides)]);
    slices.push(slice);
  }
  if (inPer === 1 && outPer === 1) {
    // Depthwise: every channel is on its own, and no product of matrices is left.
    const over = [0, ...spatial.map((_, i) => i + 2)];
    const sums = slices.map((slice) => reshape(b, sum(b, b.op('Mul', [slice, dy]), over), [channels, 1]));
    return reshape(b, sums.length === 1 ? sums[0]! : b.op('Concat', sums, { axis: int(1) }), ws);
  }
  // [n, g, in, e, p] -> [g, n * p, in * e] and [n, g, out, p] -> [g, out, n * p]
  const parts = slices.map((slice) => reshape(b, slice, [n, groups, inPer, 1, positions]));
  const patches = parts.length === 1 ? parts[0]! : b.op('Concat', parts, { axis: int(3) });
  const rows = reshape(b, b.op('Transpose', [patches], { perm: ints([1, 0, 4, 2, 3]) }), [
    groups,
    n * positions,
    inPer * elements,
  ]);
  const split = reshape(b, dy, [n, groups, outPer, positions]);
  const columns = reshape(b, b.op('Transpose', [split], { perm: ints([1, 2, 0, 3]) }), [
    groups,
    outPer,
    n * positions,
  ]);
  return reshape(b, b.op('MatMul', [columns, rows]), ws);
}
