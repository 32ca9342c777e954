import { LichenError, messageOf } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Graph, Node } from '../onnx/model.js';

/** Why the shapes of a node's outputs are not known. */
export interface Unknown {
  reason: string;
  /** Whether it is this node that is not understood, and not one before it. */
  own: boolean;
}

/** The shapes of a graph's tensors, as far as they can be told without running it. */
export interface StaticShapes {
  /** Shape by tensor, constants and inputs among them; what is missing is not known. */
  shapes: ReadonlyMap<string, readonly number[]>;
  /** The values of an integer tensor, where they are known. */
  integers(name: string): number[] | undefined;
  /** Nodes whose outputs' shapes are not known. */
  unknown: ReadonlyMap<Node, Unknown>;
}

/**
 * Walks a graph and infers every shape. A node whose shape cannot be inferred does not end the walk: what
 * depends on it stays unknown, all else is found.
 * @param inputs shape of every graph input
 */
export function staticShapes(graph: Graph, inputs: ReadonlyMap<string, readonly number[]>): StaticShapes {
  const b = new GraphBuilder();
  const shapes = new Map<string, readonly number[]>();
  for (const i of graph.inputs) shapes.set(b.input(i.name, inputs.get(i.name)!, i.type), inputs.get(i.name)!);
  for (const [name, t] of graph.initializers) shapes.set(b.constant(t, name), t.dims);
  const unknown = new Map<Node, Unknown>();
  for (const node of graph.nodes) {
    const missing = node.inputs.find((i) => i && !shapes.has(i));
    if (missing !== undefined) {
      unknown.set(node, { reason: `it reads '${missing}', whose shape is not known`, own: false });
      continue;
    }
    try {
      b.add(node);
      const found = node.outputs.filter((o) => o).map((o) => [o, b.shape(o)] as const);
      const odd = found.find(([, dims]) => !dims.every((d) => Number.isInteger(d) && d >= 0));
      if (odd) throw new RangeError(`its inputs and attributes do not fit each other (shape [${odd[1]}])`);
      for (const [name, dims] of found) shapes.set(name, dims);
    } catch (error) {
      unknown.set(node, { reason: reasonOf(error), own: true });
    }
  }
  return { shapes, unknown, integers: (name) => b.integers(name) };
}

/** What an operator's rule says; without a rule there is nothing to say but that. */
function reasonOf(error: unknown): string {
  if (!(error instanceof LichenError)) return messageOf(error);
  return error.cause === undefined ? 'the shape of this operator cannot be inferred' : messageOf(error.cause);
}
