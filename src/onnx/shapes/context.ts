import { intAttribute, intsAttribute, type Node } from '../model.js';

/** What shape inference may ask about a node's inputs. */
export interface ShapeContext {
  /** The static shape of a tensor. */
  shape(name: string): readonly number[];
  /** The values of an integer tensor that are known while the graph is built, or undefined. */
  integers(name: string): number[] | undefined;
  /** The values of a small tensor of any type that are known while the graph is built, or undefined. */
  numbers(name: string): number[] | undefined;
}

/** The shapes of a node's outputs. */
export type ShapeRule = (node: Node, c: ShapeContext) => number[][];

/** The shape that two shapes broadcast to (ONNX multidirectional broadcasting). */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`shapes [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** The shape of a node's input. */
export const input = (n: Node, c: ShapeContext, i: number) => c.shape(n.inputs[i]!);

/** Every output has the first input's shape. */
export const same: ShapeRule = (n, c) => n.outputs.map(() => [...input(n, c, 0)]);

/** An axis counted from the front. */
export const normalAxis = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

/** The `axis` attribute, counted from the front. */
export const axisOf = (n: Node, rank: number, fallback: number) =>
  normalAxis(intAttribute(n, 'axis', fallback), rank);

/** The values of an integer input that must be known. */
export function constants(n: Node, c: ShapeContext, i: number): number[] {
  const values = n.inputs[i] ? c.integers(n.inputs[i]) : undefined;
  if (!values) throw new RangeError(`its input ${i} ('${n.inputs[i] ?? ''}') must be a constant`);
  return values;
}

/** The axes that a reduction runs over, counted from the front: from the attribute, the input, or all. */
export function reducedAxes(n: Node, c: ShapeContext): number[] {
  const x = input(n, c, 0);
  const given = intsAttribute(n, 'axes') ?? (n.inputs[1] ? constants(n, c, 1) : []);
  if (given.length > 0) return given.map((a) => normalAxis(a, x.length));
  return intAttribute(n, 'noop_with_empty_axes', 0) === 1 ? [] : x.map((_, i) => i);
}
