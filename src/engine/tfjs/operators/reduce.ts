import type { Tensor } from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute } from '../../../onnx/model.js';
import { fromFront, type Operator, type Result } from '../call.js';
import type { Tf } from '../library.js';
import { TO_FIRST, TO_LAST } from '../value.js';

type Reduction = (tf: Tf, x: Tensor, axes: number[]) => Tensor;

/** A reduction that keeps its axes inside, so that it can be done in either layout. */
const reduction =
  (compute: Reduction): Operator =>
  (c): Result => {
    const { tf, node } = c;
    const x = c.value(0);
    const rank = x.shape.length;
    const given = intsAttribute(node, 'axes') ?? c.list(1) ?? [];
    const none = given.length === 0;
    if (none && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return x.tensor;
    const axes = none ? x.shape.map((_, i) => i) : fromFront(given, rank);
    if (axes.some((a) => !(a >= 0 && a < rank))) {
      throw new RangeError(`its axes [${given}] are not axes of [${x.shape}]`);
    }
    const keep = intAttribute(node, 'keepdims', 1) === 1;
    if (x.isLast) {
      const kept = compute(
        tf,
        x.channelsLast,
        axes.map((a) => TO_LAST.indexOf(a)),
      );
      return keep ? { channelsLast: kept } : squeezed(tf, tf.transpose(kept, TO_FIRST), axes);
    }
    const kept = compute(tf, x.tensor, axes);
    return keep ? kept : squeezed(tf, kept, axes);
  };

function squeezed(tf: Tf, x: Tensor, axes: readonly number[]): Tensor {
  return tf.reshape(
    x,
    x.shape.filter((_, i) => !axes.includes(i)),
  );
}

export const ReduceSum = reduction((tf, x, axes) => tf.sum(x, axes, true));
export const ReduceMean = reduction((tf, x, axes) => tf.mean(x, axes, true));
export const ReduceMax = reduction((tf, x, axes) => tf.max(x, axes, true));
export const ReduceMin = reduction((tf, x, axes) => tf.min(x, axes, true));
export const ReduceProd = reduction((tf, x, axes) => tf.prod(x, axes, true));
export const ReduceL1 = reduction((tf, x, axes) => tf.sum(tf.abs(x), axes, true));
export const ReduceL2 = reduction((tf, x, axes) => tf.sqrt(tf.sum(tf.square(x), axes, true)));
export const ReduceSumSquare = reduction((tf, x, axes) => tf.sum(tf.square(x), axes, true));
export const ReduceLogSum = reduction((tf, x, axes) => tf.log(tf.sum(x, axes, true)));
export const ReduceLogSumExp = reduction((tf, x, axes) => tf.logSumExp(x, axes, true));

/** Over height and width, which stay as axes of one. */
const overPicture =
  (compute: Reduction): Operator =>
  (c): Result => {
    const x = c.value(0);
    if (x.isLast) return { channelsLast: compute(c.tf, x.channelsLast, [1, 2]) };
    return compute(
      c.tf,
      x.tensor,
      x.shape.slice(2).map((_, i) => i + 2),
    );
  };

export const GlobalAveragePool = overPicture((tf, x, axes) => tf.mean(x, axes, true));
export const GlobalMaxPool = overPicture((tf, x, axes) => tf.max(x, axes, true));

/** TensorFlow.js normalizes along the last axis only. */
const alongAxis =
  (compute: (tf: Tf, x: Tensor) => Tensor): Operator =>
  (c) => {
    const { tf } = c;
    const x = c.tensor(0);
    const [axis] = fromFront([intAttribute(c.node, 'axis', -1)], x.rank);
    if (axis === x.rank - 1) return compute(tf, x);
    const swap = x.shape.map((_, i) => (i === axis ? x.rank - 1 : i === x.rank - 1 ? axis! : i));
    return tf.transpose(compute(tf, tf.transpose(x, swap)), swap);
  };

export const Softmax = alongAxis((tf, x) => tf.softmax(x));
export const LogSoftmax = alongAxis((tf, x) => tf.logSoftmax(x));

const positionOf =
  (compute: (tf: Tf, x: Tensor, axis: number) => Tensor): Operator =>
  (c) => {
    const x = c.tensor(0);
    const [axis] = fromFront([intAttribute(c.node, 'axis', 0)], x.rank);
    const found = compute(c.tf, x, axis!);
    return intAttribute(c.node, 'keepdims', 1) === 1 ? c.tf.expandDims(found, axis) : found;
  };

export const ArgMax = positionOf((tf, x, axis) => tf.argMax(x, axis));
export const ArgMin = positionOf((tf, x, axis) => tf.argMin(x, axis));
