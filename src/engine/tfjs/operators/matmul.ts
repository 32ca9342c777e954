import type { Tensor } from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute, sizeOf } from '../../../onnx/model.js';
import { broadcast } from '../../../onnx/shapes.js';
import type { Call } from '../call.js';
import type { Tf } from '../library.js';

/** alpha * a' b' + beta * bias, where a' and b' are transposed on demand. */
export function Gemm(c: Call): Tensor {
  const { tf, node } = c;
  const [transA, transB] = [intAttribute(node, 'transA', 0) === 1, intAttribute(node, 'transB', 0) === 1];
  const product = times(
    tf,
    tf.matMul(c.tensor(0), c.tensor(1), transA, transB),
    floatAttribute(node, 'alpha', 1),
  );
  const bias = c.optional(2);
  return bias ? tf.add(product, times(tf, bias.tensor, floatAttribute(node, 'beta', 1))) : product;
}

const times = (tf: Tf, t: Tensor, by: number) => (by === 1 ? t : tf.mul(t, by));

/** Products of stacks of matrices; vectors are matrices of one row or one column. */
export function MatMul(c: Call): Tensor {
  const { tf } = c;
  const shape = c.outputShape();
  const [a, b] = [c.tensor(0), c.tensor(1)];
  const left = a.rank === 1 ? tf.expandDims(a, 0) : a;
  const right = b.rank === 1 ? tf.expandDims(b, 1) : b;
  return tf.reshape(stacked(tf, left, right), shape);
}

function stacked(tf: Tf, a: Tensor, b: Tensor): Tensor {
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  if (b.rank === 2) return tf.matMul(tf.reshape(a, [sizeOf(a.shape) / inner, inner]), b);
  // The pure-JS kernel reads a stack that is spread in its middle axes wrongly, so nothing is left to spread.
  const stack = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const spread = (t: Tensor) => {
    const wide = [...stack, ...t.shape.slice(-2)];
    const full = String(wide) === String(t.shape) ? t : tf.broadcastTo(t, wide);
    return tf.reshape(full, [sizeOf(stack), ...t.shape.slice(-2)]);
  };
  return tf.reshape(tf.matMul(spread(a), spread(b)), [...stack, rows, b.shape.at(-1)!]);
}
