import type { Tensor } from '@tensorflow/tfjs-core';
import { intsAttribute, stringAttribute } from '../../../onnx/model.js';
import { type Call, fromFront } from '../call.js';
import { picked } from './select.js';

/** Resizes each axis by itself: to the nearest element, or linearly between two. */
export function Resize(c: Call): Tensor {
  const { tf, node } = c;
  const x = c.tensor(0);
  const mode = stringAttribute(node, 'mode', 'nearest');
  const axes = fromFront(intsAttribute(node, 'axes') ?? x.shape.map((_, i) => i), x.rank);
  const scales = c.optional(2);
  const given = scales && scales.shape[0] !== 0 ? Array.from(scales.tensor.dataSync()) : undefined;
  const sizes = given ? undefined : c.list(3)!;
  return axes.reduce((t, axis, i) => {
    const from = x.shape[axis]!;
    const to = sizes?.[i] ?? Math.floor(from * given![i]!);
    const scale = given?.[i] ?? to / from;
    if (to === from && scale === 1) return t;
    const at = Array.from({ length: to }, (_, k) => sourceOf(node, k, from, to, scale));
    if (mode === 'nearest') {
      const near = at.map((p) => inside(nearest(node, p), from));
      return picked(tf, t, near, axis);
    }
    const low = at.map(Math.floor);
    const share = at.map((p, k) => p - low[k]!);
    const wide = x.shape.map((_, k) => (k === axis ? to : 1));
    const rest = (f: (s: number) => number) => tf.tensor(share.map(f), wide, 'float32');
    const part = (shift: number) =>
      picked(
        tf,
        t,
        low.map((p) => inside(p + shift, from)),
        axis,
      );
    return tf.add(
      tf.mul(
        part(0),
        rest((s) => 1 - s),
      ),
      tf.mul(
        part(1),
        rest((s) => s),
      ),
    );
  }, x);
}

const inside = (p: number, size: number) => Math.min(Math.max(p, 0), size - 1);

/** The place in the input that output `k` is taken from. */
function sourceOf(node: Call['node'], k: number, from: number, to: number, scale: number): number {
  const rule = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  switch (rule) {
    case 'asymmetric':
      return k / scale;
    case 'half_pixel':
      return (k + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (k + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return to > 1 ? (k * (from - 1)) / (to - 1) : 0;
    default:
      throw new RangeError(`its coordinates are by '${rule}', which is not supported`);
  }
}

function nearest(node: Call['node'], p: number): number {
  switch (stringAttribute(node, 'nearest_mode', 'round_prefer_floor')) {
    case 'floor':
      return Math.floor(p);
    case 'ceil':
      return Math.ceil(p);
    case 'round_prefer_ceil':
      return Math.floor(p + 0.5);
    default:
      return Math.ceil(p - 0.5);
  }
}
