import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute } from '../../../onnx/model.js';
import { type Window, windowOf } from '../../../onnx/shapes.js';
import type { Call, Result } from '../call.js';
import type { Tf } from '../library.js';
import type { Value } from '../value.js';
import { interleaved, ofFourAxes, padded } from './padding.js';

/** Convolution of pictures or rows, in groups or depthwise. */
export function Conv(c: Call): Result {
  const { tf, node } = c;
  const [x, w] = [c.value(0), c.value(1)];
  const flat = windowOf(node, spatialOf(x), spatialOf(w));
  const y = convolve(tf, pictures(tf, x), w, lifted(flat), intAttribute(node, 'group', 1));
  const bias = c.optional(2);
  return restored(tf, bias ? tf.add(y, bias.tensor) : y, flat);
}

function convolve(tf: Tf, x: Tensor4D, w: Value, window: Window, groups: number): Tensor4D {
  const depthwise = groups > 1 && groups === x.shape[3] && w.shape[1] === 1;
  const strides = pair(window.strides);
  const dilations = pair(window.dilations);
  const both = strides.some((s) => s > 1) && dilations.some((d) => d > 1);
  if (both || (depthwise && strides[0] !== strides[1])) {
    // TensorFlow has no kernel with strides and dilations, nor a depthwise one with two different strides.
    return everyNth(tf, convolve(tf, x, w, { ...window, strides: [1, 1] }, groups), strides);
  }
  const [framed, pad] = frame(tf, x, window);
  if (depthwise) {
    return tf.depthwiseConv2d(framed, depthwiseFilter(tf, w, groups), strides, pad, 'NHWC', dilations);
  }
  const filter = ofFourAxes(w.form('filter', () => tf.transpose(kernelOf(tf, w), [2, 3, 1, 0])));
  const inputs = groups === 1 ? [framed] : tf.split(framed, groups, 3);
  const filters = groups === 1 ? [filter] : tf.split(filter, groups, 3);
  const parts = inputs.map((part, i) =>
    tf.conv2d(ofFourAxes(part), ofFourAxes(filters[i]!), strides, pad, 'NHWC', dilations),
  );
  return tf.concat(parts, 3);
}

const everyNth = (tf: Tf, y: Tensor4D, [rows, columns]: [number, number]): Tensor4D =>
  ofFourAxes(tf.stridedSlice(y, [0, 0, 0, 0], y.shape, [1, rows, columns, 1]));

/** The gradient of a convolution as an operator of its own: every input element paints a kernel. */
export function ConvTranspose(c: Call): Result {
  const { tf, node } = c;
  const [x, w] = [c.value(0), c.value(1)];
  const rank = x.shape.length - 2;
  const of = (name: string, fallback: number, length = rank) =>
    intsAttribute(node, name) ?? Array<number>(length).fill(fallback);
  const output = c.outputShape().slice(2);
  const flat: Window = {
    kernel: spatialOf(w),
    strides: of('strides', 1),
    dilations: of('dilations', 1),
    pads: of('pads', 0, 2 * rank),
    output,
  };
  const y = paint(tf, pictures(tf, x), w, lifted(flat), intAttribute(node, 'group', 1));
  const bias = c.optional(2);
  return restored(tf, bias ? tf.add(y, bias.tensor) : y, flat);
}

function paint(tf: Tf, x: Tensor4D, w: Value, window: Window, groups: number): Tensor4D {
  const { strides, dilations, pads, output, kernel } = window;
  const extent = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  if (groups > 1 && groups === x.shape[3]) {
    // One channel a group: a plain depthwise convolution of the input with zeros between its elements.
    const wide = interleaved(tf, interleaved(tf, x, 1, strides[0]!), 2, strides[1]!);
    const before = extent.map((e, i) => e - 1 - pads[i]!);
    const after = output.map((o, i) => o + extent[i]! - 1 - before[i]! - wide.shape[i + 1]!);
    const framed = ofFourAxes(padded(tf, wide, [0, ...before, 0], [0, ...after, 0]));
    const flipped = ofFourAxes(
      w.form('flipped', () => tf.transpose(tf.reverse(kernelOf(tf, w), [2, 3]), [2, 3, 0, 1])),
    );
    return tf.depthwiseConv2d(framed, flipped, 1, 'valid', 'NHWC', pair(dilations));
  }
  const [rows, columns] = pair(dilations);
  const filter = ofFourAxes(
    w.form(`painting ${rows} ${columns}`, () => {
      const dense = tf.transpose(kernelOf(tf, w), [2, 3, 1, 0]);
      return interleaved(tf, interleaved(tf, dense, 0, rows), 1, columns);
    }),
  );
  const full = extent.map((e, i) => strides[i]! * (x.shape[i + 1]! - 1) + e);
  const inputs = groups === 1 ? [x] : tf.split(x, groups, 3);
  const filters = groups === 1 ? [filter] : tf.split(filter, groups, 3);
  const parts = inputs.map((part, i) =>
    tf.conv2dTranspose(
      ofFourAxes(part),
      ofFourAxes(filters[i]!),
      [x.shape[0], full[0]!, full[1]!, filter.shape[2]],
      pair(strides),
      'valid',
    ),
  );
  const y = tf.concat(parts, 3);
  const before = pads.slice(0, 2).map((p) => -p);
  const after = output.map((o, i) => o - full[i]! - before[i]!);
  return ofFourAxes(padded(tf, y, [0, ...before, 0], [0, ...after, 0]));
}

/** The input padded for a window, and the padding that is left to TensorFlow. */
function frame(
  tf: Tf,
  x: Tensor4D,
  { kernel, strides, dilations, pads }: Window,
): [Tensor4D, 'same' | 'valid'] {
  const same = kernel.every((k, i) => {
    const size = x.shape[i + 1]!;
    const stride = strides[i]!;
    const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + (k - 1) * dilations[i]! + 1 - size);
    return pads[i] === Math.floor(total / 2) && pads[i + 2] === Math.ceil(total / 2);
  });
  if (same) return [x, 'same'];
  const [top, left, bottom, right] = pads as [number, number, number, number];
  return [ofFourAxes(padded(tf, x, [0, top, left, 0], [0, bottom, right, 0])), 'valid'];
}

function depthwiseFilter(tf: Tf, w: Value, channels: number): Tensor4D {
  const make = () => {
    const [out, , height, width] = kernelOf(tf, w).shape;
    return tf.reshape(tf.transpose(kernelOf(tf, w), [2, 3, 0, 1]), [height, width, channels, out / channels]);
  };
  return ofFourAxes(w.form(`depthwise ${channels}`, make));
}

/** A weight with two kernel axes; a kernel over rows becomes one of height 1. */
function kernelOf(tf: Tf, w: Value): Tensor4D {
  const [out, inner, ...kernel] = w.shape as [number, number, ...number[]];
  return ofFourAxes(tf.reshape(w.tensor, [out, inner, ...raised(kernel, 1)]));
}

/** [N, H, W, C]; a tensor with one spatial axis becomes pictures of height 1. */
function pictures(tf: Tf, x: Value): Tensor4D {
  if (x.shape.length === 4) return ofFourAxes(x.channelsLast);
  const [n, channels, length] = x.shape as [number, number, number];
  return ofFourAxes(
    x.form('row', () => tf.reshape(tf.transpose(x.tensor, [0, 2, 1]), [n, 1, length, channels])),
  );
}

/** A result as the graph wants it. */
function restored(tf: Tf, y: Tensor, flat: Window): Result {
  if (flat.output.length === 2) return { channelsLast: y };
  return tf.transpose(tf.squeeze(y, [1]), [0, 2, 1]);
}

const spatialOf = (v: Value) => {
  const spatial = v.shape.slice(2);
  if (spatial.length !== 1 && spatial.length !== 2) {
    throw new RangeError(`it has ${spatial.length} spatial axes; 1 and 2 are supported`);
  }
  return spatial;
};

/** A window over rows as one over pictures of height 1. */
function lifted(w: Window): Window {
  const { kernel, strides, dilations, pads, output } = w;
  if (kernel.length === 2) return w;
  return {
    kernel: raised(kernel, 1),
    strides: raised(strides, strides[0]!),
    dilations: raised(dilations, dilations[0]!),
    pads: [0, pads[0]!, 0, pads[1]!],
    output: raised(output, 1),
  };
}

const raised = (axes: readonly number[], first: number) => (axes.length === 1 ? [first, ...axes] : [...axes]);
const pair = ([p, q]: readonly number[]): [number, number] => [p!, q!];
