import type { Graph } from './model.js';
import { BROADCASTING, SAME } from './shapes/elementwise.js';

/** Operators whose first input has as many axes as their output. */
const KEEP_RANK = new Set([
  ...SAME,
  ...['PRelu', 'Swish', 'Softmax', 'LogSoftmax', 'BatchNormalization', 'InstanceNormalization'],
  ...['LayerNormalization', 'GroupNormalization', 'RMSNormalization', 'LRN', 'MaxPool', 'AveragePool'],
  ...['GlobalAveragePool', 'GlobalMaxPool', 'Pad', 'Slice', 'Concat', 'Transpose', 'Resize', 'Upsample'],
]);

/** Operators whose inputs broadcast: the output has as many axes as the input with most. */
const BROADCAST = new Set(BROADCASTING);

/** Of other domains, too, these mean the same. */
const QUANTIZE = new Set(['QuantizeLinear', 'DequantizeLinear']);

/** Says how many axes a tensor of a graph has, as far as inputs, constants and operators tell; undefined else. */
export function rankOf(graph: Graph): (name: string) => number | undefined {
  const known = new Map<string, number | undefined>();
  for (const i of graph.inputs) known.set(i.name, i.dims?.length);
  for (const [name, t] of graph.initializers) known.set(name, t.dims.length);
  for (const n of graph.nodes) {
    const ranks = n.inputs.map((i) => known.get(i));
    const shape = graph.initializers.get(n.inputs[1] ?? '');
    let rank: number | undefined;
    if (n.domain !== '' && !QUANTIZE.has(n.op)) rank = undefined;
    else if (n.op === 'Gemm' || n.op === 'Flatten') rank = 2;
    else if (n.op === 'Reshape') rank = shape?.dims[0];
    else if (n.op === 'Conv' || n.op === 'ConvTranspose') rank = ranks[1] ?? ranks[0];
    else if (n.op === 'MatMul' && (ranks[1] ?? 0) === 2) rank = ranks[0];
    else if (KEEP_RANK.has(n.op)) rank = ranks[0];
    else if (BROADCAST.has(n.op) && ranks.every((r) => r !== undefined)) rank = Math.max(...ranks);
    for (const o of n.outputs) known.set(o, rank);
  }
  return (name) => known.get(name);
}
