import type { GraphBuilder } from './builder.js';
import type { Graph, Node } from './model.js';

/** Replaces a node while a graph is inlined: returns the name of what stands for its first output. */
export type Replace = (node: Node, inputs: string[]) => string | undefined;

/**
 * Adds a graph's nodes to a builder.
 * @param inputs for each graph input the tensor that is fed to it
 * @param replace asked for every node first; where it returns a name, the node itself is left out
 * @returns for every tensor of the graph its name in the builder
 */
export function inline(
  b: GraphBuilder,
  graph: Graph,
  inputs: ReadonlyMap<string, string>,
  replace: Replace = () => undefined,
): Map<string, string> {
  const names = new Map(inputs);
  const resolve = (name: string): string => {
    if (!name) return '';
    let known = names.get(name);
    if (known === undefined) {
      const constant = graph.initializers.get(name);
      if (!constant) throw new RangeError(`nothing is fed to the graph's '${name}'`);
      known = b.constant(constant, b.has(name) ? b.fresh(name) : name);
      names.set(name, known);
    }
    return known;
  };
  for (const n of graph.nodes) {
    const replaced = replace(
      n,
      n.inputs.map((i) => (graph.initializers.has(i) ? i : (names.get(i) ?? ''))),
    );
    if (replaced !== undefined) {
      names.set(n.outputs[0]!, replaced);
      continue;
    }
    const outputs = n.outputs.map((o) => (o && b.has(o) ? b.fresh(o) : o));
    b.add({ ...n, inputs: n.inputs.map(resolve), outputs });
    n.outputs.forEach((o, i) => {
      if (o) names.set(o, outputs[i]!);
    });
  }
  return names;
}
