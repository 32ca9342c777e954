import type { Tensor } from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute } from '../../../onnx/model.js';
import { type Call, fromFront } from '../call.js';

/** Over all axes from `axis` on; means and inverse deviations are given besides. */
export function LayerNormalization(c: Call): Tensor[] {
  const { tf, node } = c;
  const x = c.tensor(0);
  const [from] = fromFront([intAttribute(node, 'axis', -1)], x.rank);
  const axes = x.shape.map((_, i) => i).slice(from);
  const { normal, mean, inverse } = standardized(c, x, axes);
  const scaled = tf.mul(normal, c.tensor(1));
  const bias = c.optional(2);
  return [bias ? tf.add(scaled, bias.tensor) : scaled, mean, inverse];
}

/** Over all positions of each channel of each sample. */
export function InstanceNormalization(c: Call): Tensor {
  const { tf } = c;
  const x = c.tensor(0);
  const spatial = x.shape.slice(2).map((_, i) => i + 2);
  const { normal } = standardized(c, x, spatial);
  return tf.add(tf.mul(normal, perChannel(c, x, 1)), perChannel(c, x, 2));
}

/** An input with one value a channel, so that it broadcasts over [N, C, ...]. */
function perChannel(c: Call, x: Tensor, i: number): Tensor {
  return c.tf.reshape(c.tensor(i), [x.shape[1]!, ...x.shape.slice(2).map(() => 1)]);
}

function standardized({ tf, node }: Call, x: Tensor, axes: number[]) {
  const mean = tf.mean(x, axes, true);
  const apart = tf.sub(x, mean);
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(apart), axes, true), epsilon));
  return { normal: tf.mul(apart, inverse), mean, inverse };
}
