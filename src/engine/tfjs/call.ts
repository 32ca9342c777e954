import type { Tensor } from '@tensorflow/tfjs-core';
import type { Node } from '../../onnx/model.js';
import { inferShapes, type ShapeContext } from '../../onnx/shapes.js';
import type { Tf } from './library.js';
import type { Value } from './value.js';

/** What an operator gives: its outputs in order, or its only one, which may be in [N, H, W, C]. */
export type Result = Tensor | Tensor[] | { channelsLast: Tensor };

/** Computes one node. Named as the standard names the operator. */
export type Operator = (c: Call) => Result;

/** One node about to be computed: the library, the node and its inputs. */
export class Call implements ShapeContext {
  readonly tf: Tf;
  readonly node: Node;
  private readonly values: ReadonlyMap<string, Value>;

  constructor(tf: Tf, node: Node, values: ReadonlyMap<string, Value>) {
    this.tf = tf;
    this.node = node;
    this.values = values;
  }

  /** How many inputs the node names. */
  get count(): number {
    return this.node.inputs.length;
  }

  /** Input `i`, or undefined where it is left out. */
  optional(i: number): Value | undefined {
    const name = this.node.inputs[i];
    return name ? this.named(name) : undefined;
  }

  /** Input `i`, in whatever layout it is. */
  value(i: number): Value {
    const value = this.optional(i);
    if (!value) throw new RangeError(`its input ${i} is left out`);
    return value;
  }

  /** Input `i`, laid out as the graph has it. */
  tensor(i: number): Tensor {
    return this.value(i).tensor;
  }

  /** The elements of integer input `i`, or undefined where it is left out. */
  list(i: number): number[] | undefined {
    const value = this.optional(i);
    if (!value) return undefined;
    if (!value.integers) throw new RangeError(`its input ${i} is not of integers`);
    return [...value.integers];
  }

  /** The shape of the node's first output, by the standard's rule. */
  outputShape(): number[] {
    return inferShapes(this.node, this)[0]!;
  }

  shape(name: string): readonly number[] {
    return this.named(name).shape;
  }

  integers(name: string): number[] | undefined {
    const { integers } = this.named(name);
    return integers && [...integers];
  }

  /** The elements of any tensor, for the rules of shapes. */
  numbers(name: string): number[] {
    return Array.from(this.named(name).tensor.dataSync());
  }

  private named(name: string): Value {
    const value = this.values.get(name);
    if (!value) throw new RangeError(`there is no tensor '${name}'`);
    return value;
  }
}

/** Axes counted from the front. */
export const fromFront = (axes: readonly number[], rank: number) => axes.map((a) => (a < 0 ? a + rank : a));
