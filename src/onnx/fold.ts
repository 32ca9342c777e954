import { evaluate } from './evaluate.js';
import type { ConstantTensor, Graph, Node } from './model.js';

/** No constant of more elements is computed. */
const LARGEST = 2 ** 24;
/** What may be computed of constants that are smaller. */
const SMALL = 4096;

/**
 * Computes what depends on constants only, such as a transposed weight, so that layers have their weights as
 * constants. What depends on the batch's size is left.
 */
export function foldConstants(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const known = (name: string): ConstantTensor | undefined => initializers.get(name);
  const nodes = graph.nodes.filter((n: Node) => {
    if (n.outputs.some((o) => outputs.has(o))) return true;
    const given = n.inputs.reduce((sum, name) => sum + (known(name)?.data.length ?? 0), 0);
    const limit = Math.min(LARGEST, Math.max(SMALL, given));
    const values = evaluate(n, { shape: (name) => known(name)?.dims, known }, limit);
    if (!values) return true;
    n.outputs.forEach((o, i) => {
      if (o && values[i]) initializers.set(o, values[i]);
    });
    return false;
  });
  return { ...graph, nodes, initializers };
}
