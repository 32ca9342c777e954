import { messageOf } from '../errors.js';
import type { Graph, Node } from '../onnx/model.js';
import { inferShapes, type ShapeContext } from '../onnx/shapes.js';

/** The shapes of a graph's tensors, as far as they can be told without running it. */
export interface StaticShapes {
  /** Shape by tensor, constants and inputs among them; what is missing is not known. */
  shapes: ReadonlyMap<string, readonly number[]>;
  /** For every node whose outputs' shapes are not known: why. */
  unknown: ReadonlyMap<Node, string>;
}

/**
 * Walks a graph and infers every shape. A node whose shape cannot be inferred does not end the walk: what
 * depends on it stays unknown, all else is found.
 * @param inputs shape of every graph input
 */
export function staticShapes(graph: Graph, inputs: ReadonlyMap<string, readonly number[]>): StaticShapes {
  const shapes = new Map<string, readonly number[]>(inputs);
  for (const [name, t] of graph.initializers) shapes.set(name, t.dims);
  const context: ShapeContext = {
    shape: (name) => {
      const shape = shapes.get(name);
      if (!shape) throw new RangeError(`there is no shape of '${name}'`);
      return shape;
    },
    integers: (name) => {
      const data = graph.initializers.get(name)?.data;
      return data instanceof BigInt64Array || data instanceof Int32Array
        ? Array.from(data, Number)
        : undefined;
    },
  };
  const unknown = new Map<Node, string>();
  for (const node of graph.nodes) {
    const missing = node.inputs.find((i) => i && !shapes.has(i));
    if (missing !== undefined) {
      unknown.set(node, `it reads '${missing}', whose shape is not known`);
      continue;
    }
    try {
      const found = inferShapes(node, context);
      if (!found.every((dims) => dims.every((d) => Number.isInteger(d) && d >= 0))) {
        throw new RangeError(`its inputs and attributes do not fit each other (shape [${found[0]}])`);
      }
      node.outputs.forEach((o, i) => {
        if (o) shapes.set(o, found[i] ?? found[0]!);
      });
    } catch (error) {
      unknown.set(node, messageOf(error));
    }
  }
  return { shapes, unknown };
}
