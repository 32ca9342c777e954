import type { GraphBuilder } from '../onnx/builder.js';
import { ElementType, type Graph, type Model, type Node, node, type ValueInfo } from '../onnx/model.js';

/**
 * Adds a choice: what is behind it has one tensor or the other, and what only the other needs is not computed.
 * `lower` makes one If of all choices of a graph.
 * @param condition whether it is `then`; the same in all choices of a graph
 * @returns a tensor that counts as one of the shape of `then`
 */
export function choose(
  b: GraphBuilder,
  condition: string,
  then: string,
  otherwise: string,
  name = b.fresh('chosen'),
): string {
  b.add(node('Choose', [then, otherwise, condition], [name], {}, 'lichen'));
  return name;
}

/** Replaces a graph's choices by an If; nodes that only one side needs become that side's. */
export function branched(model: Model): Model {
  const { graph } = model;
  const choices = graph.nodes.filter((n) => n.op === 'Choose');
  const condition = choices[0]?.inputs[2];
  if (condition === undefined) return model;
  if (choices.some((n) => n.inputs[2] !== condition)) {
    throw new RangeError('the choices of a graph have more than one condition');
  }
  const always = neededBy(
    graph,
    graph.outputs.map((o) => o.name),
    (n) => (n.op === 'Choose' ? [condition] : n.inputs),
  );
  const side = (index: number): Graph => {
    const wanted = choices.map((n) => n.inputs[index]!);
    const needed = neededBy(graph, wanted, (n) => (always.has(n) ? [] : n.inputs));
    const own = graph.nodes.filter((n) => needed.has(n) && !always.has(n));
    // What both sides need is in both of them, under names of its own.
    const made = new Set(own.flatMap((n) => n.outputs));
    const named = (name: string) => (made.has(name) ? `${name}:${index}` : name);
    const nodes = own.map((n) => ({ ...n, inputs: n.inputs.map(named), outputs: n.outputs.map(named) }));
    const given = new Set<string>();
    const outputs = wanted.map((name, i): ValueInfo => {
      const result = made.has(name) && !given.has(name) ? named(name) : `${choices[i]!.outputs[0]!}:${index}`;
      if (!made.has(name) || given.has(name)) nodes.push(node('Identity', [named(name)], [result]));
      given.add(name);
      return { name: result, type: ElementType.float };
    });
    return { name: index === 0 ? 'then' : 'otherwise', nodes, initializers: new Map(), inputs: [], outputs };
  };
  const fork = node(
    'If',
    [condition],
    choices.map((n) => n.outputs[0]!),
    {
      then_branch: { kind: 'graph', value: side(0) },
      else_branch: { kind: 'graph', value: side(1) },
    },
  );
  // Whatever the sides read comes before the last choice, and whatever reads a choice must come behind all of them.
  const last = graph.nodes.lastIndexOf(choices.at(-1)!);
  const isKept = (n: Node) => always.has(n) && n.op !== 'Choose';
  const [before, after] = parted(graph.nodes.slice(0, last).filter(isKept), fork.outputs);
  const nodes = [...before, fork, ...after, ...graph.nodes.slice(last).filter(isKept)];
  return { ...model, graph: { ...graph, nodes } };
}

/** Names that a node reads, those in its subgraphs that come from outside among them. */
export function readsOf(n: Node): string[] {
  const inner = Object.values(n.attributes).flatMap((a) => {
    if (a.kind !== 'graph') return [];
    const { nodes, inputs } = a.value;
    const own = new Set([...inputs.map((i) => i.name), ...nodes.flatMap((m) => m.outputs)]);
    return nodes.flatMap(readsOf).filter((name) => !own.has(name));
  });
  return [...n.inputs, ...inner];
}

/** The nodes that some tensors depend on. */
function neededBy(graph: Graph, wanted: readonly string[], reads: (n: Node) => readonly string[]): Set<Node> {
  const names = new Set(wanted);
  const found = new Set<Node>();
  for (const n of graph.nodes.toReversed()) {
    if (!n.outputs.some((o) => names.has(o))) continue;
    found.add(n);
    for (const i of reads(n)) names.add(i);
  }
  return found;
}

/** Nodes that do not depend on some tensors, and those that do, each in their order. */
function parted(nodes: readonly Node[], tensors: readonly string[]): [Node[], Node[]] {
  const dependent = new Set(tensors);
  const [before, after]: [Node[], Node[]] = [[], []];
  for (const n of nodes) {
    const depends = n.inputs.some((i) => dependent.has(i));
    (depends ? after : before).push(n);
    if (depends) for (const o of n.outputs) dependent.add(o);
  }
  return [before, after];
}
