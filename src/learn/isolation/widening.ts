import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import {
  type ConstantTensor,
  ElementType,
  floats,
  type Graph,
  int,
  intAttribute,
  type Node,
  sizeOf,
} from '../../onnx/model.js';
import type { Crown } from '../strategy.js';
import { type WeightLayer, weightLayer } from './layers.js';

/** Output channels of layers, by the name of their output. */
export type Widths = ReadonlyMap<string, number>;

/** The layer whose output channels are a tensor's second dimension, and how many places there each of them has. */
interface Source {
  layer: string;
  /** More than 1 after maps were flattened. */
  places: number;
}

/** Where each tensor's channels come from; tensors that are not in it have a fixed width. */
type Sources = ReadonlyMap<string, Source>;

/** Operators that keep the channels of their first input, whatever their number. */
const CHANNELWISE = new Set([
  'Relu',
  'Clip',
  'LeakyRelu',
  'Elu',
  'Sigmoid',
  'HardSigmoid',
  'HardSwish',
  'Tanh',
  'Softplus',
  'Erf',
  'Sqrt',
  'Abs',
  'Neg',
  'Identity',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
]);
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Div']);

/**
 * The layers that can be given more output channels, with the channels that they have: all that lies between them and
 * the dense layers (or the head) that read them treats every channel alike. A depthwise layer between is widened with
 * them. What a skip connection adds to, and what a Reshape or a Concat reads, cannot be widened.
 */
export function growableLayers(crown: Crown): Map<string, number> {
  const { sources, pinned } = trace(crown);
  const growable = new Map<string, number>();
  for (const node of crown.graph.nodes) {
    const layer = weightLayer(crown.graph, node);
    const key = node.outputs[0]!;
    if (layer && sources.get(key)?.layer === key && !pinned.has(key)) growable.set(key, layer.channels);
  }
  return growable;
}

/**
 * The crown with more output channels in some layers, behind those that they have. New weights and biases are 0. The
 * new channels of a depthwise layer have the kernels and biases of its old ones, in turn: depthwise layers are not
 * trained.
 */
export function widened(crown: Crown, widths: Widths): Crown {
  const { graph } = crown;
  const { sources } = trace(crown);
  const initializers = new Map(graph.initializers);
  const extra = (name: string) => {
    const source = sources.get(name);
    if (!source) return 0;
    const before = weightLayer(graph, producerOf(graph, source.layer))!.channels;
    return ((widths.get(source.layer) ?? before) - before) * source.places;
  };
  const nodes = graph.nodes.map((node): Node => {
    const layer = weightLayer(graph, node);
    if (!layer) return node;
    const key = node.outputs[0]!;
    const [more, moreIn] = [extra(key), extra(node.inputs[0]!)];
    if (more === 0 && moreIn === 0) return node;
    const channels = layer.channels + more;
    const weight = layer.depthwise
      ? repeated(layer.weight, channels)
      : embedded(layer.weight, widerDims(layer, more, moreIn));
    initializers.set(`${key}:wide.weight`, weight);
    const inputs = [node.inputs[0]!, `${key}:wide.weight`];
    if (layer.bias) {
      const bias = { dims: [layer.channels], data: layer.bias };
      initializers.set(
        `${key}:wide.bias`,
        layer.depthwise ? repeated(bias, channels) : embedded(bias, [channels]),
      );
      inputs.push(`${key}:wide.bias`);
    }
    const attributes = layer.depthwise ? { ...node.attributes, group: int(channels) } : node.attributes;
    return { ...node, inputs, attributes };
  });
  const outputs = graph.outputs.map((o) =>
    o.name === crown.features && o.dims
      ? { ...o, dims: o.dims.map((d, i) => (i === 1 && typeof d === 'number' ? d + extra(o.name) : d)) }
      : o,
  );
  return { ...crown, graph: { ...graph, nodes, initializers, outputs } };
}

type FloatConstant = ConstantTensor & { data: Float32Array };

/** A tensor in the low corner of a larger one of zeros; dimensions after the second are the same in both. */
export function embedded(
  t: { dims: readonly number[]; data: ArrayLike<number> },
  dims: readonly number[],
): FloatConstant {
  const data = new Float32Array(sizeOf(dims));
  const inner = sizeOf(dims.slice(2));
  const [rows, columns] = [t.dims[0]!, t.dims[1] ?? 1];
  const wide = dims[1] ?? 1;
  for (let row = 0; row < rows; row++) {
    const from = row * columns * inner;
    for (let i = 0; i < columns * inner; i++) data[row * wide * inner + i] = t.data[from + i]!;
  }
  return { type: ElementType.float, dims: [...dims], data };
}

function widerDims({ weight, perChannel }: WeightLayer, more: number, moreIn: number): number[] {
  const [first, second, ...kernel] = weight.dims as [number, number, ...number[]];
  const outFirst = perChannel.length === weight.dims.length;
  return outFirst ? [first + more, second + moreIn, ...kernel] : [first + moreIn, second + more];
}

/** The entries of the first dimension again and again until there are `count`. */
function repeated({ dims, data }: { dims: readonly number[]; data: Float32Array }, count: number) {
  const size = sizeOf(dims.slice(1));
  const all = new Float32Array(count * size);
  for (let i = 0; i < all.length; i++) all[i] = data[i % data.length]!;
  return floats(all, [count, ...dims.slice(1)]);
}

function producerOf(graph: Graph, tensor: string): Node {
  return graph.nodes.find((n) => n.outputs[0] === tensor)!;
}

/** Follows channels through the crown; pinned are the layers whose channels something reads that has a fixed width. */
function trace(crown: Crown): { sources: Sources; pinned: Set<string> } {
  const { graph, features } = crown;
  const shape = shapesOf(crown);
  const sources = new Map<string, Source>();
  const pinned = new Set<string>();
  const pin = (name: string) => {
    const source = sources.get(name);
    if (source) pinned.add(source.layer);
  };
  const scalar = (name: string) => !name || sizeOf(graph.initializers.get(name)?.dims ?? [2]) === 1;
  for (const node of graph.nodes) {
    const [x, ...others] = node.inputs as [string, ...string[]];
    const output = node.outputs[0]!;
    const source = sources.get(x);
    const layer = weightLayer(graph, node);
    const kept = CHANNELWISE.has(node.op) || ELEMENTWISE.has(node.op);
    if (layer?.depthwise) {
      // As many filters as channels; with several a channel, old and new ones would stand in turns.
      if (source) sources.set(output, source);
    } else if (layer && isDense(layer, shape(x).length)) {
      sources.set(output, { layer: output, places: 1 });
    } else if (source && kept && others.every(scalar)) {
      sources.set(output, source);
    } else if (source && node.op === 'Flatten' && intAttribute(node, 'axis', 1) === 1) {
      sources.set(output, { ...source, places: source.places * sizeOf(shape(x).slice(2)) });
    } else {
      for (const name of node.inputs) pin(name);
    }
  }
  for (const o of graph.outputs) if (o.name !== features) pin(o.name);
  return { sources, pinned };
}

/** Whether every output channel reads every channel of the input's second dimension. */
function isDense({ node }: WeightLayer, rank: number): boolean {
  return node.op === 'Conv' ? intAttribute(node, 'group', 1) === 1 : rank === 2;
}

/** Static shapes of the crown's tensors, for a batch of one. */
function shapesOf({ graph, latent, latentShape }: Crown): (name: string) => readonly number[] {
  const b = new GraphBuilder();
  const names = inline(b, graph, new Map([[latent, b.input(latent, [1, ...latentShape])]]));
  return (name) => b.shape(names.get(name) ?? name);
}
