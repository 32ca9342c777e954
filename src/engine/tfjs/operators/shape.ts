import type { Tensor } from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute, stringAttribute } from '../../../onnx/model.js';
import { inferShapes } from '../../../onnx/shapes.js';
import { type Call, fromFront, type Operator, type Result } from '../call.js';
import { TO_FIRST, TO_LAST } from '../value.js';

/** The same elements in the same order, under the shape that the standard's rule gives. */
const reshaped: Operator = (c) => c.tf.reshape(c.tensor(0), c.outputShape());

export const Reshape = reshaped;
export const Flatten = reshaped;
export const Squeeze = reshaped;
export const Unsqueeze = reshaped;

/** Changes of layout cost nothing here: they only say in which layout the tensor is. */
export function Transpose(c: Call): Result {
  const x = c.value(0);
  const perm = intsAttribute(c.node, 'perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  if (String(perm) === String(TO_LAST)) return x.channelsLast;
  if (String(perm) === String(TO_FIRST)) return { channelsLast: x.tensor };
  return c.tf.transpose(x.tensor, perm);
}

export function Concat(c: Call): Result {
  const { tf, node } = c;
  const values = Array.from({ length: c.count }, (_, i) => c.value(i));
  const [axis] = fromFront([intAttribute(node, 'axis', 0)], values[0]!.shape.length) as [number];
  if (values.every((v) => v.isLast)) {
    const tensors = values.map((v) => v.channelsLast);
    return { channelsLast: tf.concat(tensors, TO_LAST.indexOf(axis)) };
  }
  return tf.concat(
    values.map((v) => v.tensor),
    axis,
  );
}

export function Split(c: Call): Tensor[] {
  const x = c.tensor(0);
  const [axis] = fromFront([intAttribute(c.node, 'axis', 0)], x.rank) as [number];
  const sizes = inferShapes(c.node, c).map((shape) => shape[axis]!);
  return c.tf.split(x, sizes, axis);
}

export function Expand(c: Call): Tensor {
  const shape = c.outputShape();
  return String(shape) === String(c.value(0).shape) ? c.tensor(0) : c.tf.broadcastTo(c.tensor(0), shape);
}

/** Channels become pixels of blocks, the channel fastest (DCR) or slowest (CRD). */
export function DepthToSpace(c: Call): Tensor {
  const { tf, node } = c;
  const [n, channels, height, width] = c.value(0).shape as [number, number, number, number];
  const block = intAttribute(node, 'blocksize', 1);
  const out = channels / block ** 2;
  const channelsFirst = stringAttribute(node, 'mode', 'DCR') === 'CRD';
  const split = channelsFirst ? [n, out, block, block, height, width] : [n, block, block, out, height, width];
  const perm = channelsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  const moved = tf.transpose(tf.reshape(c.tensor(0), split), perm);
  return tf.reshape(moved, [n, out, height * block, width * block]);
}

/** Pixels of blocks become channels. */
export function SpaceToDepth(c: Call): Tensor {
  const { tf, node } = c;
  const [n, channels, height, width] = c.value(0).shape as [number, number, number, number];
  const block = intAttribute(node, 'blocksize', 1);
  const split = [n, channels, height / block, block, width / block, block];
  const moved = tf.transpose(tf.reshape(c.tensor(0), split), [0, 3, 5, 1, 2, 4]);
  return tf.reshape(moved, [n, channels * block ** 2, height / block, width / block]);
}

export function Tile(c: Call): Tensor {
  return c.tf.tile(c.tensor(0), c.list(1)!);
}

/** The shape as a tensor, or a part of it (operator set 15). */
export function Shape(c: Call): Tensor {
  const { shape } = c.value(0);
  const end = c.node.attributes.end?.kind === 'int' ? c.node.attributes.end.value : undefined;
  const part = shape.slice(intAttribute(c.node, 'start', 0), end);
  return c.tf.tensor(Int32Array.from(part), [part.length], 'int32');
}
