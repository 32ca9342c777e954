import { LichenError } from '../errors.js';
import { evaluations, like, numbersOf } from './evaluations.js';
import { type ConstantTensor, ElementType, intAttribute, type Node, sizeOf } from './model.js';
import { inferShapes } from './shapes.js';

export { numbersOf } from './evaluations.js';

/** What evaluation may ask about a node's inputs. */
export interface ValueContext {
  /** The static shape of a tensor, or undefined where it is not known. */
  shape(name: string): readonly number[] | undefined;
  /** A tensor whose values are known, or undefined. */
  known(name: string): ConstantTensor | undefined;
}

/** Inputs that an operator has at least, where that is not said by the rule for its shape. */
const FEWEST: Readonly<Record<string, number>> = { BatchNormalization: 5, Where: 3 };

/**
 * The outputs of a node all of whose inputs have known values, and of Shape and Size where the shape is known:
 * the chains of integers by which exporters compute the shapes of a Reshape or an Expand, and what they left
 * to be computed of weights.
 * @param limit outputs of more elements are not computed
 * @returns undefined where a value is not known or the operator is not one of these
 */
export function evaluate(n: Node, c: ValueContext, limit: number): ConstantTensor[] | undefined {
  const rule = n.domain === '' && Object.hasOwn(evaluations, n.op) ? evaluations[n.op] : undefined;
  if (n.op === 'Shape' || n.op === 'Size') {
    const shape = c.shape(n.inputs[0]!);
    return shape?.every(Number.isInteger) && n.domain === '' ? [shapeValue(n, shape)] : undefined;
  }
  if (!rule || n.inputs.length < (FEWEST[n.op] ?? 1)) return undefined;
  const x: ConstantTensor[] = [];
  for (const name of n.inputs) {
    const t = name ? c.known(name) : undefined;
    // Half precision is kept as raw bits, with which nothing can be computed.
    if (!t || t.type === ElementType.float16) return undefined;
    x.push(t);
  }
  try {
    const shapes = inferShapes(n, {
      shape: (name) => c.known(name)!.dims,
      integers: (name) => numbersOf(c.known(name)!),
      numbers: (name) => numbersOf(c.known(name)!),
    });
    return shapes.some((s) => sizeOf(s) > limit) ? undefined : rule(n, x, shapes);
  } catch (error) {
    // What does not fit, and what is no number of its type, as a division by zero gives, is left to the runtime.
    if (error instanceof RangeError || error instanceof LichenError) return undefined;
    throw error;
  }
}

function shapeValue(n: Node, shape: readonly number[]): ConstantTensor {
  const int64 = (values: number[], dims: number[]) => like(ElementType.int64, values, dims);
  if (n.op === 'Size') return int64([sizeOf(shape)], []);
  const part = shape.slice(intAttribute(n, 'start', 0), intAttribute(n, 'end', shape.length));
  return int64(part, [part.length]);
}
