import type { GraphBuilder } from '../onnx/builder.js';
import type { Node } from '../onnx/model.js';
import { float, int, ints, sizeOf } from '../onnx/model.js';
import { broadcast } from '../onnx/shapes.js';

/** What a gradient rule is given. */
export interface RuleContext {
  node: Node;
  /** Names of the node's inputs and of its first output. */
  x: readonly string[];
  y: string;
  /** The gradient of the loss with respect to `y`; same shape as `y`. */
  dy: string;
  /** The same for every output; undefined where the loss does not depend on it. Only `Split` needs it. */
  dys: readonly (string | undefined)[];
  b: GraphBuilder;
  /** Whether the gradient of input `i` is wanted; a rule may leave others out. */
  wants(i: number): boolean;
}

/** Returns one gradient per input, undefined where there is none or it is not wanted. */
export type Rule = (c: RuleContext) => (string | undefined)[];

/** A rule for y = f(x) from an expression for dy * f'(x). */
export const unary =
  (derive: (c: RuleContext, x: string) => string): Rule =>
  (c) => [derive(c, c.x[0]!)];

export const add = (b: GraphBuilder, p: string, q: string) => b.op('Add', [p, q]);
export const sub = (b: GraphBuilder, p: string, q: string) => b.op('Sub', [p, q]);
export const div = (b: GraphBuilder, p: string, q: string) => b.op('Div', [p, q]);
export const neg = (b: GraphBuilder, p: string) => b.op('Neg', [p]);

/**
 * A product. A factor that was only expanded to the other's shape is used as it was: broadcasting is free, also where
 * the expanded one was reshaped since; then the other is seen in that shape for the product.
 */
export function mul(b: GraphBuilder, p: string, q: string): string {
  const shape = broadcast(b.shape(p), b.shape(q));
  for (const [expanded, other] of [
    [p, q],
    [q, p],
  ] as const) {
    const by = b.producer(expanded);
    const from = by?.op === 'Reshape' ? b.producer(by.inputs[0]!) : by;
    if (from?.op !== 'Expand') continue;
    const wide = b.shape(from.outputs[0]!);
    const size = sizeOf(wide);
    if (sizeOf(shape) !== size || sizeOf(b.shape(other)) !== size) continue;
    return reshape(b, b.op('Mul', [from.inputs[0]!, reshape(b, other, wide)]), shape);
  }
  return b.op('Mul', [p, q]);
}

/** The product with a number. */
export const scale = (b: GraphBuilder, p: string, by: number) => mul(b, p, b.scalar(by));

/** Reshapes to a static shape; nothing is added where the shape is that already. */
export function reshape(b: GraphBuilder, p: string, shape: readonly number[]): string {
  return String(b.shape(p)) === String(shape) ? p : b.op('Reshape', [p, b.ints(...shape)]);
}

/** Sums over axes. */
export function sum(b: GraphBuilder, p: string, axes: readonly number[], keep = false): string {
  if (axes.length === 0) return p;
  const shape = b.shape(p);
  if (shape.length === 2 && String(axes) === '0') {
    // A row of ones times a matrix: the runtime adds the rows of a matrix at half that speed.
    const total = b.op('MatMul', [b.ones(shape[0]!), p]);
    return keep ? total : reshape(b, total, [shape[1]!]);
  }
  return b.op('ReduceSum', [p, b.ints(...axes)], { keepdims: int(keep ? 1 : 0) });
}

/** Sums a gradient down to the shape that was broadcast to it. */
export function sumTo(b: GraphBuilder, p: string, shape: readonly number[]): string {
  const from = b.shape(p);
  const offset = from.length - shape.length;
  const axes = from.flatMap((d, i) => (i < offset || (shape[i - offset] === 1 && d !== 1) ? [i] : []));
  return reshape(b, sum(b, p, axes, true), shape);
}

/** Greater-than as 0 or 1 in float. */
export const greater = (b: GraphBuilder, p: string, q: string) => float01(b, b.op('Greater', [p, q]));

/** A truth value as 0 or 1 in float. */
export const float01 = (b: GraphBuilder, p: string) => b.op('Cast', [p], { to: int(1) });

/** One number in every place of a shape. */
export const filled = (b: GraphBuilder, value: number, shape: readonly number[]) =>
  b.op('Expand', [b.scalar(value), b.ints(...shape)]);

/** Means over axes, which stay as ones. */
export const mean = (b: GraphBuilder, p: string, axes: readonly number[]) =>
  b.op('ReduceMean', [p], { axes: ints(axes), keepdims: int(1) });

/** The slope of an activation function, as an attribute. */
export const alpha = (value: number) => ({ alpha: float(value) });

/** What a hard activation adds to its scaled input, as an attribute. */
export const beta = (value: number) => ({ beta: float(value) });
