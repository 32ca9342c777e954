import type { Tensor } from '@tensorflow/tfjs-core';
import { intAttribute, sizeOf, stringAttribute } from '../../../onnx/model.js';
import { sliceOf } from '../../../onnx/shapes.js';
import { type Call, fromFront } from '../call.js';
import type { Tf } from '../library.js';
import { padded } from './padding.js';

export function Slice(c: Call): Tensor {
  const { tf } = c;
  const { start, step, output } = sliceOf(c.node, c);
  // A step backwards is a step forwards through the reversed axis.
  const backwards = step.flatMap((s, i) => (s < 0 ? [i] : []));
  const x = backwards.length > 0 ? tf.reverse(c.tensor(0), backwards) : c.tensor(0);
  const begin = start.map((s, i) => (step[i]! < 0 ? x.shape[i]! - 1 - s : s));
  const by = step.map(Math.abs);
  if (by.every((s) => s === 1) || sizeOf(output) === 0) return tf.slice(x, begin, output);
  const end = begin.map((b, i) => b + (output[i]! - 1) * by[i]! + 1);
  return tf.stridedSlice(x, begin, end, by);
}

export function Pad(c: Call): Tensor {
  const { tf, node } = c;
  const x = c.tensor(0);
  const pads = c.list(1)!;
  const axes = fromFront(c.list(3) ?? x.shape.map((_, i) => i), x.rank);
  const amount = (axis: number, side: 0 | 1) => {
    const at = axes.indexOf(axis);
    return at < 0 ? 0 : pads[at + side * axes.length]!;
  };
  const before = x.shape.map((_, i) => amount(i, 0));
  const after = x.shape.map((_, i) => amount(i, 1));
  const mode = stringAttribute(node, 'mode', 'constant');
  if (mode === 'constant') {
    const value = c.optional(2)?.tensor;
    return padded(tf, x, before, after, value ? value.dataSync()[0] : 0);
  }
  const from = sources[mode];
  if (!from) throw new RangeError(`its mode is '${mode}'; constant, reflect and edge are supported`);
  return x.shape.reduce((t, size, axis) => {
    if (before[axis] === 0 && after[axis] === 0) return t;
    const length = size + before[axis]! + after[axis]!;
    return picked(
      tf,
      t,
      Array.from({ length }, (_, i) => from(i - before[axis]!, size)),
      axis,
    );
  }, x);
}

/** Where along an axis of `size` the element comes from that stands at `i`, before or behind it. */
const sources: Record<string, (i: number, size: number) => number> = {
  edge: (i, size) => Math.min(Math.max(i, 0), size - 1),
  reflect: (i, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const at = ((i % period) + period) % period;
    return at < size ? at : period - at;
  },
};

/** The elements at these positions along an axis. */
export function picked(tf: Tf, x: Tensor, positions: readonly number[], axis: number): Tensor {
  return tf.gather(x, tf.tensor1d([...positions], 'int32'), axis);
}

export function Gather(c: Call): Tensor {
  const { tf } = c;
  const x = c.tensor(0);
  const [axis] = fromFront([intAttribute(c.node, 'axis', 0)], x.rank) as [number];
  const positions = c.tensor(1);
  const flat = fromFront(Array.from(positions.dataSync()), x.shape[axis]!);
  const shape = [...x.shape.slice(0, axis), ...positions.shape, ...x.shape.slice(axis + 1)];
  return tf.reshape(picked(tf, x, flat, axis), shape);
}

/** Writes or adds single elements; see `scatterForm` for what is supported. */
export function ScatterElements(c: Call): Tensor {
  const { tf, node } = c;
  const [data, positions, updates] = [c.tensor(0), c.tensor(1), c.tensor(2)];
  const [axis] = fromFront([intAttribute(node, 'axis', 0)], data.rank) as [number];
  const size = [sizeOf(data.shape)];
  const at = tf.reshape(flatPositions(tf, positions, data.shape, axis), [sizeOf(positions.shape), 1]);
  const placed = tf.scatterND(at, tf.reshape(updates, [updates.size]), size);
  const before = tf.reshape(data, size);
  if (stringAttribute(node, 'reduction', 'none') === 'add')
    return tf.reshape(tf.add(before, placed), data.shape);
  const hit = tf.greater(tf.scatterND(at, tf.ones([updates.size]), size), 0);
  return tf.reshape(tf.where(hit, placed, before), data.shape);
}

/** Positions along one axis as positions in the flat tensor. */
function flatPositions(tf: Tf, positions: Tensor, shape: readonly number[], axis: number): Tensor {
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const wrapped = tf.where(
    tf.less(positions, 0),
    tf.add(positions, tf.scalar(shape[axis]!, 'int32')),
    positions,
  );
  return positions.shape.reduce(
    (sum, size, i) => {
      if (i === axis) return sum;
      const along = Int32Array.from({ length: size }, (_, k) => k * strides[i]!);
      const wide = positions.shape.map((_, k) => (k === i ? size : 1));
      return tf.add(sum, tf.tensor(along, wide, 'int32'));
    },
    tf.mul(wrapped, tf.scalar(strides[axis]!, 'int32')) as Tensor,
  );
}
