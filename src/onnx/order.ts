import type { Graph, Node } from './model.js';

/**
 * Brings nodes into an order in which each reads only what nodes before it, inputs and constants give. The
 * standard asks for such an order, and nodes that have it keep theirs; exporters that do not care are common.
 * @throws Error for a tensor that nothing produces or that is produced twice, and for nodes in a cycle
 */
export function inOrder(nodes: readonly Node[], given: ReadonlySet<string>): Node[] {
  const producers = new Map<string, Node>();
  for (const n of nodes) {
    if (!n.outputs.some((o) => o !== '')) throw new Error(`node '${n.name}' (${n.op}) has no output`);
    for (const output of n.outputs) {
      if (!output) continue;
      if (given.has(output) || producers.has(output)) throw new Error(`'${output}' is produced twice`);
      producers.set(output, n);
    }
  }
  const sorted: Node[] = [];
  const state = new Map<Node, 'begun' | 'done'>();
  for (const first of nodes) {
    // A walk with a stack of its own: chains are longer than the call stack.
    const path: { node: Node; next: number }[] = [];
    const enter = (node: Node) => {
      state.set(node, 'begun');
      path.push({ node, next: 0 });
    };
    if (!state.has(first)) enter(first);
    while (path.length > 0) {
      const top = path.at(-1)!;
      const { node } = top;
      if (top.next === node.inputs.length) {
        state.set(node, 'done');
        sorted.push(node);
        path.pop();
        continue;
      }
      const input = node.inputs[top.next++]!;
      if (!input || given.has(input)) continue;
      const producer = producers.get(input);
      if (!producer)
        throw new Error(`node '${node.name}' (${node.op}) reads '${input}', which nothing produces`);
      if (state.get(producer) === 'begun') {
        const cycle = path.slice(path.findIndex((p) => p.node === producer)).map((p) => `'${p.node.name}'`);
        throw new Error(`its nodes ${shorten(cycle)} read each other in a cycle`);
      }
      if (!state.has(producer)) enter(producer);
    }
  }
  return sorted;
}

const shorten = (names: string[]) =>
  names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ');

/**
 * Checks that names are given once, and brings the nodes into order.
 * @throws Error that says what is wrong
 */
export function ordered(graph: Graph): Graph {
  const given = new Set<string>(graph.initializers.keys());
  for (const { name } of graph.inputs) {
    if (!name) throw new Error('an input has no name');
    if (given.has(name)) throw new Error(`there are two inputs '${name}'`);
    given.add(name);
  }
  const nodes = inOrder(graph.nodes, given);
  const known = new Set([...given, ...nodes.flatMap((n) => n.outputs)]);
  const outputs = new Set<string>();
  for (const { name } of graph.outputs) {
    if (!name || !known.has(name)) throw new Error(`nothing produces output '${name}'`);
    if (outputs.has(name)) throw new Error(`there are two outputs '${name}'`);
    outputs.add(name);
  }
  return { ...graph, nodes };
}
