import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import type { Tf } from '../library.js';

/** Puts a value around a tensor, or cuts off where an amount is negative. One amount an axis on either side. */
export function padded(
  tf: Tf,
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  value = 0,
): Tensor {
  const cuts = [...before, ...after].some((p) => p < 0);
  const cut = cuts
    ? tf.slice(
        x,
        before.map((p) => Math.max(0, -p)),
        x.shape.map((d, i) => Math.max(0, d - Math.max(0, -before[i]!) - Math.max(0, -after[i]!))),
      )
    : x;
  if ([...before, ...after].every((p) => p <= 0)) return cut;
  const amounts = before.map((p, i): [number, number] => [Math.max(0, p), Math.max(0, after[i]!)]);
  return tf.pad(cut, amounts, value);
}

/** Puts `step - 1` zeros between neighbours along an axis. */
export function interleaved(tf: Tf, x: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return x;
  const wide = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)];
  const after = wide.map((_, i) => (i === axis + 1 ? step - 1 : 0));
  const none = wide.map(() => 0);
  const spread = x.shape.map((d, i) => (i === axis ? d * step : d));
  const size = spread.map((d, i) => (i === axis ? d - step + 1 : d));
  return tf.slice(
    tf.reshape(padded(tf, tf.reshape(x, wide), none, after), spread),
    spread.map(() => 0),
    size,
  );
}

/** A tensor that must have four axes, as one of which the types know it. */
export function ofFourAxes(t: Tensor): Tensor4D {
  if (!hasFourAxes(t)) throw new RangeError(`it has ${t.rank} axes; 4 were expected`);
  return t;
}

const hasFourAxes = (t: Tensor): t is Tensor4D => t.rank === 4;
