import type { GraphBuilder } from '../../onnx/builder.js';
import { type ConstantTensor, type Graph, intAttribute, type Node } from '../../onnx/model.js';
import type { Crown, TaskOutputs } from '../strategy.js';
import { mapsOf } from '../summary.js';

/** A layer with a constant weight: what masks are put on and columns copy. */
export interface WeightLayer {
  node: Node;
  weight: ConstantTensor & { data: Float32Array };
  bias: Float32Array | undefined;
  /** One filter per channel: its kernel stays as it is. */
  depthwise: boolean;
  /** Output channels. */
  channels: number;
  /** Shape in which a value per output channel broadcasts over the weight. */
  perChannel: number[];
}

/**
 * Reads a node as a weight layer: Conv, Gemm, or MatMul by a constant; a bias must be a constant, too.
 * @returns undefined for any other node
 */
export function weightLayer(graph: Graph, node: Node): WeightLayer | undefined {
  if (!['Conv', 'Gemm', 'MatMul'].includes(node.op)) return undefined;
  const weight = graph.initializers.get(node.inputs[1] ?? '');
  if (!weight || !(weight.data instanceof Float32Array) || weight.dims.length < 2) return undefined;
  const outFirst = node.op === 'Conv' || (node.op === 'Gemm' && intAttribute(node, 'transB', 0) === 1);
  const channels = outFirst ? weight.dims[0]! : weight.dims.at(-1)!;
  const bias = node.inputs[2] ? biasOf(graph.initializers.get(node.inputs[2]), channels) : undefined;
  if (node.inputs[2] && !bias) return undefined;
  const layer = { node, weight: weight as WeightLayer['weight'], bias };
  if (node.op === 'Conv') {
    const [out, inPer, ...kernel] = weight.dims as [number, number, ...number[]];
    const depthwise = inPer === 1 && intAttribute(node, 'group', 1) === out && out > 1;
    return { ...layer, depthwise, channels: out, perChannel: [out, 1, ...kernel.map(() => 1)] };
  }
  return { ...layer, depthwise: false, channels, perChannel: outFirst ? [channels, 1] : [channels] };
}

/** A bias as one value a channel, if it is one: a Gemm's may be broadcast to that, or differ from row to row. */
function biasOf(t: ConstantTensor | undefined, channels: number): Float32Array | undefined {
  if (!(t?.data instanceof Float32Array)) return undefined;
  if (t.data.length === 1) return new Float32Array(channels).fill(t.data[0]!);
  return t.data.length === channels && t.dims.at(-1) === channels ? t.data : undefined;
}

/** The nodes that may be trained: all but those up to the tensor that a crown is frozen until. */
export function trainableNodes({
  graph,
  frozenUntil,
}: Pick<Crown, 'graph' | 'frozenUntil'>): readonly Node[] {
  if (frozenUntil === undefined) return graph.nodes;
  return graph.nodes.slice(1 + graph.nodes.findIndex((n) => n.outputs.includes(frozenUntil)));
}

/** A layer's bias as training starts: zeros where the layer has none. */
export function startBias({ bias, channels }: WeightLayer): Float32Array {
  return bias?.slice() ?? new Float32Array(channels);
}

/** A layer's weight as a matrix, and whether its rows are the output channels. */
export function matrixOf({ weight, channels, perChannel }: WeightLayer): {
  matrix: number[];
  perRow: boolean;
} {
  const perRow = perChannel[0] === channels && perChannel.length === weight.dims.length;
  return { matrix: perRow ? [channels, weight.data.length / channels] : weight.dims, perRow };
}

/** The output channel that an element of a layer's weight belongs to. */
export function channelOf(layer: WeightLayer): (i: number) => number {
  const { matrix, perRow } = matrixOf(layer);
  return perRow ? (i) => Math.floor(i / matrix[1]!) : (i) => i % layer.channels;
}

/** The layer with another weight and bias. */
export function withWeight(
  b: GraphBuilder,
  { node }: WeightLayer,
  x: string,
  weight: string,
  bias: string,
): string {
  if (node.op === 'MatMul') return b.op('Add', [b.op('MatMul', [x, weight]), bias]);
  return b.op(node.op, [x, weight, bias], node.attributes);
}

/** Bytes of the crown's layers, weights and biases in single precision; of those that count, where not all do. */
export function crownBytes({ graph }: Crown, counts: (layer: WeightLayer) => boolean = () => true): number {
  return graph.nodes.reduce((sum, node) => {
    const layer = weightLayer(graph, node);
    return layer && counts(layer) ? sum + 4 * (layer.weight.data.length + (layer.bias?.length ?? 0)) : sum;
  }, 0);
}

/**
 * What heads read of a network that has the crown's own shape.
 * @param names for every tensor of the crown its name in the network
 */
export function crownOutputs(crown: Crown, names: ReadonlyMap<string, string>): TaskOutputs {
  const features = names.get(crown.features)!;
  const maps = mapsOf(crown).map((m) => names.get(m)!);
  return { features, maps, vectors: maps.length > 0 ? [] : [features] };
}

/** The outputs of all nodes that these tensors are computed from. */
export function ancestorsOf(graph: Graph, tensors: readonly string[]): Set<string> {
  const needed = new Set(tensors);
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((o) => needed.has(o))) continue;
    for (const name of [...node.inputs, ...node.outputs]) needed.add(name);
  }
  return needed;
}
