import type { Tensor } from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute, type Node, stringAttribute } from '../../../onnx/model.js';
import type { Call, Operator, Result } from '../call.js';
import type { Tf } from '../library.js';
import { TO_LAST, type Value } from '../value.js';

/** Computes element by element, in whatever layout the inputs are. */
function elementwise({ tf }: Call, inputs: readonly Value[], compute: (tensors: Tensor[]) => Tensor): Result {
  if (inputs.some((v) => v.isLast) && inputs.every((v) => v.shape.length <= 4)) {
    return { channelsLast: compute(inputs.map((v) => alignedLast(tf, v))) };
  }
  return compute(inputs.map((v) => v.tensor));
}

/** A value as [N, H, W, C], so that it broadcasts with tensors of that layout as it did with the graph's. */
function alignedLast(tf: Tf, v: Value): Tensor {
  if (v.shape.length === 4) return v.channelsLast;
  if (v.shape.length === 0) return v.tensor;
  const wide = [...Array<number>(4 - v.shape.length).fill(1), ...v.shape];
  return v.form('wide', () => tf.transpose(tf.reshape(v.tensor, wide), TO_LAST));
}

const all = (c: Call) => Array.from({ length: c.count }, (_, i) => c.value(i));

const unary =
  (compute: (tf: Tf, x: Tensor, node: Node) => Tensor): Operator =>
  (c) =>
    elementwise(c, [c.value(0)], ([x]) => compute(c.tf, x!, c.node));

const binary =
  (compute: (tf: Tf, x: Tensor, y: Tensor) => Tensor): Operator =>
  (c) =>
    elementwise(c, [c.value(0), c.value(1)], ([x, y]) => compute(c.tf, x!, y!));

/** One or more inputs, taken together from the left. */
const variadic =
  (compute: (tf: Tf, x: Tensor, y: Tensor) => Tensor): Operator =>
  (c) =>
    elementwise(c, all(c), (tensors) => tensors.reduce((x, y) => compute(c.tf, x, y)));

export const Add = binary((tf, x, y) => tf.add(x, y));
export const Sub = binary((tf, x, y) => tf.sub(x, y));
export const Mul = binary((tf, x, y) => tf.mul(x, y));
export const Div = binary((tf, x, y) => tf.div(x, y));
export const Pow = binary((tf, x, y) => tf.pow(x, y));
export const Max = variadic((tf, x, y) => tf.maximum(x, y));
export const Min = variadic((tf, x, y) => tf.minimum(x, y));
export const Sum = variadic((tf, x, y) => tf.add(x, y));
export const Mean: Operator = (c) =>
  elementwise(c, all(c), (tensors) =>
    c.tf.div(
      tensors.reduce((x, y) => c.tf.add(x, y)),
      tensors.length,
    ),
  );
export const PRelu = binary((tf, x, slope) => tf.add(tf.relu(x), tf.mul(slope, tf.minimum(x, 0))));

export const Greater = binary((tf, x, y) => tf.greater(x, y));
export const GreaterOrEqual = binary((tf, x, y) => tf.greaterEqual(x, y));
export const Less = binary((tf, x, y) => tf.less(x, y));
export const LessOrEqual = binary((tf, x, y) => tf.lessEqual(x, y));
export const Equal = binary((tf, x, y) => tf.equal(x, y));
export const And = binary((tf, x, y) => tf.logicalAnd(x, y));
export const Or = binary((tf, x, y) => tf.logicalOr(x, y));
export const Xor = binary((tf, x, y) => tf.logicalXor(x, y));
export const Not = unary((tf, x) => tf.logicalNot(x));
export const Where: Operator = (c) => elementwise(c, all(c), ([when, x, y]) => c.tf.where(when!, x!, y!));

export const Neg = unary((tf, x) => tf.neg(x));
export const Abs = unary((tf, x) => tf.abs(x));
export const Sign = unary((tf, x) => tf.sign(x));
export const Reciprocal = unary((tf, x) => tf.reciprocal(x));
export const Exp = unary((tf, x) => tf.exp(x));
export const Log = unary((tf, x) => tf.log(x));
export const Sqrt = unary((tf, x) => tf.sqrt(x));
export const Erf = unary((tf, x) => tf.erf(x));
export const Sin = unary((tf, x) => tf.sin(x));
export const Cos = unary((tf, x) => tf.cos(x));
export const Tan = unary((tf, x) => tf.tan(x));
export const Asin = unary((tf, x) => tf.asin(x));
export const Acos = unary((tf, x) => tf.acos(x));
export const Atan = unary((tf, x) => tf.atan(x));
export const Sinh = unary((tf, x) => tf.sinh(x));
export const Cosh = unary((tf, x) => tf.cosh(x));
export const Asinh = unary((tf, x) => tf.asinh(x));
export const Acosh = unary((tf, x) => tf.acosh(x));
export const Atanh = unary((tf, x) => tf.atanh(x));
export const Floor = unary((tf, x) => tf.floor(x));
export const Ceil = unary((tf, x) => tf.ceil(x));
export const Round = unary((tf, x) => tf.round(x));
export const Identity = unary((_, x) => x);

export const Relu = unary((tf, x) => tf.relu(x));
export const LeakyRelu = unary((tf, x, node) => tf.leakyRelu(x, floatAttribute(node, 'alpha', 0.01)));
export const Elu = unary((tf, x, node) => elu(tf, x, floatAttribute(node, 'alpha', 1)));
export const Selu = unary((tf, x, node) =>
  tf.mul(
    elu(tf, x, floatAttribute(node, 'alpha', 1.6732631921768188)),
    floatAttribute(node, 'gamma', 1.0507010221481323),
  ),
);
export const Celu = unary((tf, x, node) => {
  const alpha = floatAttribute(node, 'alpha', 1);
  return tf.add(tf.relu(x), tf.mul(tf.expm1(tf.div(tf.minimum(x, 0), alpha)), alpha));
});
export const ThresholdedRelu = unary((tf, x, node) =>
  tf.mul(x, tf.cast(tf.greater(x, floatAttribute(node, 'alpha', 1)), 'float32')),
);
export const Sigmoid = unary((tf, x) => tf.sigmoid(x));
export const Tanh = unary((tf, x) => tf.tanh(x));
export const Softplus = unary((tf, x) => tf.softplus(x));
export const Softsign = unary((tf, x) => tf.div(x, tf.add(1, tf.abs(x))));
export const Mish = unary((tf, x) => tf.mul(x, tf.tanh(tf.softplus(x))));
export const HardSigmoid = unary((tf, x, node) =>
  hardSigmoid(tf, x, floatAttribute(node, 'alpha', 0.2), floatAttribute(node, 'beta', 0.5)),
);
export const HardSwish = unary((tf, x) => tf.mul(x, hardSigmoid(tf, x, 1 / 6, 0.5)));
export const Gelu = unary((tf, x, node) => {
  const half = tf.mul(x, 0.5);
  if (stringAttribute(node, 'approximate', 'none') === 'none') {
    return tf.mul(half, tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
  }
  const cubic = tf.add(x, tf.mul(tf.pow(x, 3), 0.044715));
  return tf.mul(half, tf.add(1, tf.tanh(tf.mul(cubic, Math.sqrt(2 / Math.PI)))));
});

const elu = (tf: Tf, x: Tensor, alpha: number) =>
  tf.add(tf.relu(x), tf.mul(tf.expm1(tf.minimum(x, 0)), alpha));

const hardSigmoid = (tf: Tf, x: Tensor, slope: number, shift: number) =>
  tf.clipByValue(tf.add(tf.mul(x, slope), shift), 0, 1);

export const Clip: Operator = (c) => {
  const { tf } = c;
  const bounds = [c.optional(1), c.optional(2)].map((v) => v?.tensor);
  return elementwise(c, [c.value(0)], ([x]) => {
    const [low, high] = bounds;
    const above = low ? tf.maximum(x!, low) : x!;
    return high ? tf.minimum(above, high) : above;
  });
};

/** Kinds of numbers that TensorFlow.js has, by ONNX's: float16 and double are float32, all integers int32. */
const DTYPES: Record<number, 'float32' | 'int32' | 'bool'> = {
  ...Object.fromEntries([1, 10, 11].map((type) => [type, 'float32'] as const)),
  ...Object.fromEntries([2, 3, 4, 5, 6, 7, 12, 13].map((type) => [type, 'int32'] as const)),
  9: 'bool',
};

export const Cast = unary((tf, x, node) => {
  const dtype = DTYPES[intAttribute(node, 'to', 1)];
  if (!dtype) throw new RangeError(`it casts to element type ${intAttribute(node, 'to', 1)}`);
  return tf.cast(x, dtype);
});
