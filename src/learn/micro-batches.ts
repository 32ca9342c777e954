import { GraphBuilder } from '../onnx/builder.js';
import { type Graph, sizeOf } from '../onnx/model.js';

/**
 * A forward graph for a micro-batch, written `pieces` times over the parts of a whole batch, one after the other:
 * the tensors of one part can be given up before the next is begun, so a step needs the memory of a micro-batch
 * and makes the update of a batch. What does not depend on the samples (masked weights) is there once.
 * @param graph from `samples` [micro, ...] to `output`, with static shapes
 * @returns the builder, and for each piece the name of its output
 */
export function inPieces(
  graph: Graph,
  shapes: (name: string) => readonly number[],
  samples: string,
  output: string,
  pieces: number,
): { builder: GraphBuilder; outputs: string[] } {
  const b = new GraphBuilder();
  const [micro, ...rest] = shapes(samples) as [number, ...number[]];
  if (sizeOf(rest) === 0) throw new RangeError(`the samples '${samples}' are empty`);
  for (const i of graph.inputs) {
    b.input(i.name, i.name === samples ? [micro * pieces, ...rest] : shapes(i.name), i.type);
  }
  for (const [name, constant] of graph.initializers) b.constant(constant, name);
  const dependent = new Set([samples]);
  for (const n of graph.nodes) {
    if (n.inputs.some((i) => dependent.has(i))) for (const o of n.outputs) dependent.add(o);
    else b.add(n);
  }
  const outputs = Array.from({ length: pieces }, (_, k) => {
    const part = b.op('Slice', [samples, b.ints(k * micro), b.ints((k + 1) * micro), b.ints(0)]);
    const names = new Map([[samples, part]]);
    for (const n of graph.nodes) {
      if (!n.inputs.some((i) => dependent.has(i))) continue;
      const renamed = n.outputs.map((o) => (o ? b.fresh(o) : o));
      b.add({ ...n, inputs: n.inputs.map((i) => names.get(i) ?? i), outputs: renamed });
      n.outputs.forEach((o, i) => {
        names.set(o, renamed[i]!);
      });
    }
    return names.get(output)!;
  });
  return { builder: b, outputs };
}
