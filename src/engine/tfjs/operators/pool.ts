import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute, sizeOf } from '../../../onnx/model.js';
import { type Window, windowOf } from '../../../onnx/shapes.js';
import type { Call, Result } from '../call.js';
import type { Tf } from '../library.js';
import { ofFourAxes, padded } from './padding.js';

/** The lowest float32: what a window gives that sees nothing but padding, in ONNX Runtime, too. */
const LOWEST = -3.4028234663852886e38;

/** The largest value of each window, and on demand where in the whole input it was. */
export function MaxPool(c: Call): Result {
  const { tf, node } = c;
  const x = c.value(0);
  const window = poolWindow(c);
  const plain = x.shape.length === 4 && window.dilations.every((d) => d === 1);
  if (plain && !node.outputs[1]) {
    const framed = framedPictures(tf, x.channelsLast, x.shape, window, LOWEST);
    return { channelsLast: tf.maxPool(framed, pair(window.kernel), pair(window.strides), 'valid') };
  }
  return maxAndPosition(c, window);
}

/** By comparing what each kernel element sees; the first of equal values is the one. */
function maxAndPosition(c: Call, window: Window): Tensor[] {
  const { tf, node } = c;
  const x = c.tensor(0);
  const [n, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const { pads, strides, dilations, kernel, output } = window;
  const after = overhang(window, spatial);
  const framed = padded(tf, x, [0, 0, ...pads.slice(0, spatial.length)], [0, 0, ...after], LOWEST);
  const elements = gridOf(kernel);
  const seen = elements.map((at) => {
    const begin = at.map((k, i) => k * dilations[i]!);
    const end = begin.map((b, i) => b + (output[i]! - 1) * strides[i]! + 1);
    return tf.stridedSlice(framed, [0, 0, ...begin], [n, channels, ...end], [1, 1, ...strides]);
  });
  const stacked = tf.stack(seen);
  const largest = tf.max(stacked, 0);
  if (!node.outputs[1]) return [largest];
  const flat = (at: readonly number[]) => at.reduce((sum, v, i) => sum * spatial[i]! + v, 0);
  const offsets = elements.map((at) => flat(at.map((k, i) => k * dilations[i]!)));
  const starts = gridOf(output).map((at) => flat(at.map((o, i) => o * strides[i]! - pads[i]!)));
  const planes = Array.from({ length: n * channels }, (_, i) => i * sizeOf(spatial));
  const from = tf.tensor(starts, [1, 1, ...output], 'int32');
  const plane = tf.tensor(planes, [n, channels, ...output.map(() => 1)], 'int32');
  const element = tf.gather(tf.tensor1d(offsets, 'int32'), tf.argMax(stacked, 0));
  return [largest, tf.add(tf.add(element, from), plane)];
}

/** The mean of each window; what lies outside counts only where the node says so. */
export function AveragePool(c: Call): Result {
  const { tf, node } = c;
  const x = c.value(0);
  const window = poolWindow(c);
  const counted = intAttribute(node, 'count_include_pad', 0) === 1;
  const flat = x.shape.length === 3;
  const shape = flat ? [x.shape[0]!, x.shape[1]!, 1, x.shape[2]!] : [...x.shape];
  const wide = flat ? liftedPool(window) : window;
  const last = flat ? tf.transpose(tf.reshape(x.tensor, shape), [0, 2, 3, 1]) : x.channelsLast;
  const average = (t: Tensor4D) => tf.avgPool(t, pair(wide.kernel), pair(wide.strides), 'valid');
  const y = average(framedPictures(tf, last, shape, wide, 0));
  const share = average(tf.tensor4d(shares(wide, shape.slice(2), counted), undefined, 'float32'));
  const mean = tf.div(y, share);
  if (!flat) return { channelsLast: mean };
  return tf.transpose(tf.squeeze(mean, [1]), [0, 2, 1]);
}

/** 1 where a position of the padded input counts, else 0: [1, H, W, 1]. */
function shares(window: Window, spatial: readonly number[], counted: boolean): number[][][][] {
  const after = overhang(window, spatial);
  const perAxis = spatial.map((size, i) =>
    Array.from({ length: window.pads[i]! + size + after[i]! }, (_, at) => {
      const inside = at >= window.pads[i]! && at < window.pads[i]! + size;
      const inPad = at < window.pads[i]! + size + window.pads[i + 2]!;
      return inside || (counted && inPad) ? 1 : 0;
    }),
  );
  return [perAxis[0]!.map((row) => perAxis[1]!.map((column) => [row * column]))];
}

/** Pictures with all that the windows see around them. */
function framedPictures(
  tf: Tf,
  x: Tensor,
  shape: readonly number[],
  window: Window,
  value: number,
): Tensor4D {
  const after = overhang(window, shape.slice(2));
  return ofFourAxes(
    padded(tf, x, [0, window.pads[0]!, window.pads[1]!, 0], [0, after[0]!, after[1]!, 0], value),
  );
}

/** What the last window needs behind each axis: with `ceil_mode` more than the padding, without it often less. */
function overhang(
  { kernel, strides, dilations, pads, output }: Window,
  spatial: readonly number[],
): number[] {
  return spatial.map(
    (size, i) => (output[i]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - pads[i]! - size,
  );
}

function poolWindow(c: Call): Window {
  const spatial = c.value(0).shape.slice(2);
  const kernel = intsAttribute(c.node, 'kernel_shape') ?? [];
  if (kernel.length !== spatial.length || spatial.length < 1 || spatial.length > 2) {
    throw new RangeError(`its kernel [${kernel}] does not fit an input of ${spatial.length} spatial axes`);
  }
  return windowOf(c.node, spatial, kernel);
}

function liftedPool({ kernel, strides, dilations, pads, output }: Window): Window {
  return {
    kernel: [1, ...kernel],
    strides: [1, ...strides],
    dilations: [1, ...dilations],
    pads: [0, pads[0]!, 0, pads[1]!],
    output: [1, ...output],
  };
}

/** Every index of a shape, the last axis fastest. */
function gridOf(dims: readonly number[]): number[][] {
  return dims.reduce<number[][]>(
    (all, d) => all.flatMap((at) => Array.from({ length: d }, (_, i) => [...at, i])),
    [[]],
  );
}

const pair = ([p, q]: readonly number[]): [number, number] => [p!, q!];
