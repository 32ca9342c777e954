import { type Graph, type Node, sizeOf } from '../onnx/model.js';
import { readsOf } from './choices.js';

/** Operators that read and write the same place of their operands at a time. */
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Div']);
/** Operators whose result the runtime lets lie in the memory of what they read. */
const RENAMING = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

/**
 * Of the updates that a step makes, those whose result may be written over what they update: whatever reads the old
 * value is computed before the new one, in whichever order the runtime takes the nodes.
 * @param updates input -> output that replaces it in the next step
 * @returns inputs whose memory the output may have
 */
export function inPlaceUpdates(graph: Graph, updates: ReadonlyMap<string, string>): Set<string> {
  const producers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const readers = readersOf(graph);
  const safe = [...updates].filter(([input, output]) => {
    const last = producers.get(output);
    if (!last || !ELEMENTWISE.has(last.op)) return false;
    const before = ancestors(last, producers);
    return readers(input).every((n) => before.has(n));
  });
  return new Set(safe.map(([input]) => input));
}

/**
 * All nodes that may read a tensor's memory: those that name it, and those that name what is the same numbers. The
 * runtime makes no copy for another shape, and a product that reads a transposed or scaled tensor becomes one that
 * reads the tensor itself.
 */
function readersOf(graph: Graph): (name: string) => Node[] {
  const direct = new Map<string, Node[]>();
  for (const n of graph.nodes) for (const i of readsOf(n)) direct.set(i, [...(direct.get(i) ?? []), n]);
  const isNumber = (name: string | undefined) => {
    const constant = graph.initializers.get(name ?? '');
    return constant !== undefined && sizeOf(constant.dims) === 1;
  };
  const same = (n: Node): boolean =>
    RENAMING.has(n.op) || n.op === 'Transpose' || (['Mul', 'Div'].includes(n.op) && n.inputs.some(isNumber));
  const of = (name: string): Node[] =>
    (direct.get(name) ?? []).flatMap((n) => (same(n) ? [n, ...of(n.outputs[0]!)] : [n]));
  return of;
}

/** A node and all nodes that it depends on. */
function ancestors(from: Node, producers: ReadonlyMap<string, Node>): Set<Node> {
  const found = new Set([from]);
  // A set gives what is added to it while it is gone through, too.
  for (const n of found) {
    for (const i of readsOf(n)) {
      const producer = producers.get(i);
      if (producer) found.add(producer);
    }
  }
  return found;
}
