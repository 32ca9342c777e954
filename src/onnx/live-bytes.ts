import { GraphBuilder } from './builder.js';
import { ElementType, type Graph, type Node, sizeOf } from './model.js';
import { typesOf } from './types.js';

/** Operators whose output is their first input under another shape: no memory of its own. */
const RENAMING = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);
/** Operators that the runtime lets write over an input that nobody reads any more. */
const OVERWRITING = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Relu', 'Clip', 'Sqrt', 'Neg', 'Abs', 'Exp', 'Log', 'Tanh', 'Sigmoid'],
  ...['Sign', 'Erf', 'Floor', 'Ceil', 'Reciprocal', 'Pow', 'Softmax', 'LogSoftmax'],
]);
const BYTES: Partial<Record<ElementType, number>> = {
  [ElementType.bool]: 1,
  [ElementType.uint8]: 1,
  [ElementType.int8]: 1,
  [ElementType.float16]: 2,
  [ElementType.int64]: 8,
  [ElementType.double]: 8,
};

/**
 * The most bytes that tensors inside a graph take at one time of a run, node by node in the order in which ONNX
 * Runtime takes them. Inputs, constants and outputs are not counted: they have memory of their own.
 * @param graph as built here: static shapes, in nodes that `GraphBuilder` knows
 */
export function liveBytes(graph: Graph): number {
  const bytes = tensorBytes(graph);
  const order = runOrder(graph);
  const uses = new Map<string, number>();
  for (const n of order) for (const i of n.inputs) uses.set(i, (uses.get(i) ?? 0) + 1);
  const external = new Set([
    '',
    ...graph.inputs.map((i) => i.name),
    ...graph.outputs.map((o) => o.name),
    ...graph.initializers.keys(),
  ]);
  /** What memory a tensor lies in, and how many reads of it are still to come. */
  const memory = new Map<string, { bytes: number; reads: number }>();
  let live = 0;
  let peak = 0;
  for (const n of order) {
    const read = n.inputs.flatMap((i) => memory.get(i) ?? []);
    let unread = 0;
    n.outputs.forEach((output, k) => {
      if (external.has(output)) return;
      const reads = uses.get(output) ?? 0;
      const size = bytes(output);
      const first = memory.get(n.inputs[0] ?? '');
      const free = read.find((m) => m.bytes === size && m.reads === read.filter((r) => r === m).length);
      const taken = RENAMING.has(n.op) ? first : k === 0 && OVERWRITING.has(n.op) ? free : undefined;
      if (taken) {
        taken.reads += reads;
        memory.set(output, taken);
      } else if (!RENAMING.has(n.op)) {
        memory.set(output, { bytes: size, reads });
        live += size;
        if (reads === 0) unread += size;
      }
    });
    peak = Math.max(peak, live);
    live -= unread;
    for (const m of read) if (--m.reads === 0) live -= m.bytes;
  }
  return peak;
}

/** Bytes of every tensor of a graph. */
function tensorBytes(graph: Graph): (name: string) => number {
  const b = new GraphBuilder();
  for (const i of graph.inputs) b.input(i.name, (i.dims ?? []).map(Number), i.type);
  for (const [name, t] of graph.initializers) b.constant(t, name);
  for (const n of graph.nodes) b.add(n);
  const type = typesOf(graph);
  return (name) => sizeOf(b.shape(name)) * (BYTES[type(name) ?? ElementType.float] ?? 4);
}

/**
 * The order in which ONNX Runtime runs a graph: from the last result back to what it needs, of several inputs first
 * the one that stands last in the file.
 */
function runOrder(graph: Graph): Node[] {
  const index = new Map(graph.nodes.map((n, i) => [n, i] as const));
  const producers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const read = new Set(graph.nodes.flatMap((n) => n.inputs));
  const stack = graph.nodes
    .filter((n) => !n.outputs.some((o) => read.has(o)))
    .map((n) => ({ n, done: false }));
  const seen = new Set<Node>();
  const order: Node[] = [];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { n, done } = top;
    if (done) order.push(n);
    if (done || seen.has(n)) continue;
    seen.add(n);
    stack.push({ n, done: true });
    const before = [...new Set(n.inputs.flatMap((i) => producers.get(i) ?? []))];
    before.sort((p, q) => index.get(p)! - index.get(q)!);
    for (const p of before) if (!seen.has(p)) stack.push({ n: p, done: false });
  }
  return order;
}
