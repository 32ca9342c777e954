import type { Graph, Node } from '../onnx/model.js';

/** Operators that read and write the same place of their operands at a time. */
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Div']);

/**
 * Of the updates that a step makes, those whose result may be written over what they update: whatever reads the old
 * value is computed before the new one, in whichever order the runtime takes the nodes.
 * @param updates input -> output that replaces it in the next step
 * @returns inputs whose memory the output may have
 */
export function inPlaceUpdates(graph: Graph, updates: ReadonlyMap<string, string>): Set<string> {
  const producers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const readers = new Map<string, Node[]>();
  for (const n of graph.nodes) for (const i of n.inputs) readers.set(i, [...(readers.get(i) ?? []), n]);
  const safe = [...updates].filter(([input, output]) => {
    const last = producers.get(output);
    if (!last || !ELEMENTWISE.has(last.op)) return false;
    const before = ancestors(last, producers);
    return (readers.get(input) ?? []).every((n) => before.has(n));
  });
  return new Set(safe.map(([input]) => input));
}

/** A node and all nodes that it depends on. */
function ancestors(from: Node, producers: ReadonlyMap<string, Node>): Set<Node> {
  const found = new Set([from]);
  // A set gives what is added to it while it is gone through, too.
  for (const n of found) {
    for (const i of n.inputs) {
      const producer = producers.get(i);
      if (producer) found.add(producer);
    }
  }
  return found;
}
