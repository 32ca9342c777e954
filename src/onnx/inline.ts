import type { GraphBuilder } from './builder.js';
import { type Graph, int64s, type Node } from './model.js';
import { partsOf, resizeOf } from './shapes.js';

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
    b.add(explicit({ ...n, inputs: n.inputs.map(resolve), outputs }, b));
    n.outputs.forEach((o, i) => {
      if (o) names.set(o, outputs[i]!);
    });
  }
  return names;
}

/** Sizes in place of what later operator sets let a node say without them. */
function explicit(n: Node, b: GraphBuilder): Node {
  const out = n.outputs[0]!;
  const constant = (values: readonly number[]) => b.constant(int64s(values), b.fresh(`${out}.sizes`));
  if (n.op === 'Split' && n.attributes.num_outputs) {
    const { num_outputs: _, ...attributes } = n.attributes;
    return { ...n, attributes, inputs: [n.inputs[0]!, constant(partsOf(n, b).sizes)] };
  }
  if (n.op === 'Resize' && n.attributes.axes) {
    const { axes: _, ...attributes } = n.attributes;
    return { ...n, attributes, inputs: [n.inputs[0]!, '', '', constant(resizeOf(n, b).output)] };
  }
  return n;
}
