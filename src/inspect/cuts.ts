import { latentBytes, latentLayout } from '../backbone/latent.js';
import { LichenError } from '../errors.js';
import { type WeightLayer, weightLayer } from '../learn/isolation/layers.js';
import type { Crown } from '../learn/strategy.js';
import { NOTHING_TO_TRAIN } from '../learn/trainable.js';
import { cutModel } from '../onnx/cut.js';
import { type Graph, sizeOf } from '../onnx/model.js';
import { normalize } from '../onnx/normalize.js';
import { type Layer, type Layers, weightsOf } from './layers.js';
import type { Network } from './network.js';
import { placesOf } from './places.js';
import { staticShapes } from './static-shapes.js';

/** One of the two parts that a cut makes. */
export interface Part {
  layers: number;
  weights: number;
  /** For one sample; null where a layer's shape is not known. */
  multiplyAdds: number | null;
}

/** A place where a network can be cut, with what it would mean. */
export interface Cut {
  /** The tensor that becomes the latent. */
  tensor: string;
  /** Index of the layer that computes it. */
  after: number;
  /** Null where its shape is not known. */
  latent: { shape: readonly number[]; bytes: number; floatBytes: number } | null;
  trunk: Part;
  crown: Part;
  /** What a mask of the crown covers and takes: see `maskOf`. */
  mask: { weights: number; channels: number; bytes: number };
  /** Layers of the crown that gradients would have to pass and cannot. */
  blocking: Layer[];
  /** Why no crown can be trained from here; null where it can as far as its layers tell. */
  obstacle: string | null;
  /** What isolation strategies start from; null where the latent is not known. */
  start: Crown | null;
}

/**
 * What cuts of a network would mean.
 * @param places tensors to cut at; default: everywhere it can be cut, from the input's side to the output's
 */
export function cutsOf(network: Network, layers: Layers, places = placesOf(network)): Cut[] {
  const { model } = network;
  const perSample = samplewise(network, layers);
  return places.map((tensor) => {
    const shape = layers.shapes.shapes.get(tensor)?.slice(1);
    const { trunk, crown } = cutModel(model, tensor, shape);
    const { blocking, mask } = crownOf(crown.graph, layers);
    const latent = shape ? figuresOf(shape) : null;
    const own = crownToLearn(network, tensor, shape, crown.graph);
    const start = shape && {
      graph: typeof own === 'string' ? crown.graph : own,
      latent: tensor,
      latentShape: shape,
      features: network.features,
    };
    return {
      tensor,
      after: layers.layers.findIndex((l) => l.node.outputs.includes(tensor)),
      latent,
      trunk: partOf(trunk.graph, layers),
      crown: partOf(crown.graph, layers),
      mask,
      blocking,
      obstacle:
        typeof own === 'string'
          ? own
          : obstacleOf(network, layers, { blocking, mask }, shape, perSample(tensor)),
      start: start ?? null,
    };
  });
}

/** The crown that learning takes, or why it takes none: of a network that computes with integers it is cut before it is normalized. */
function crownToLearn(
  { raw, integers }: Network,
  tensor: string,
  shape: readonly number[] | undefined,
  normalized: Graph,
): Graph | string {
  if (integers === null) return normalized;
  try {
    return normalize(cutModel(raw, tensor, shape).crown).graph;
  } catch (error) {
    if (error instanceof LichenError) return error.message;
    throw error;
  }
}

function figuresOf(shape: readonly number[]): NonNullable<Cut['latent']> {
  return {
    shape,
    bytes: latentBytes(latentLayout(shape, 'int8')),
    floatBytes: latentBytes(latentLayout(shape, 'float32')),
  };
}

function partOf(graph: Graph, { of }: Layers): Part {
  let sum: number | null = 0;
  for (const node of graph.nodes) {
    const own: number | null = of.get(node)!.multiplyAdds;
    sum = sum === null || own === null ? null : sum + own;
  }
  const read = new Set(graph.nodes.flatMap((n) => n.inputs));
  return { layers: graph.nodes.length, weights: weightsOf(graph, read), multiplyAdds: sum };
}

/** A crown's mask, and the layers that its training cannot pass: those behind its first layer with weights. */
function crownOf(graph: Graph, { of }: Layers): Pick<Cut, 'blocking' | 'mask'> {
  const trained = new Set<string>();
  const blocking: Layer[] = [];
  const weighted: WeightLayer[] = [];
  for (const node of graph.nodes) {
    const own = weightLayer(graph, node);
    if (own) weighted.push(own);
    if (!own && !node.inputs.some((i) => trained.has(i))) continue;
    for (const o of node.outputs) trained.add(o);
    const layer = of.get(node)!;
    if (layer.blocks !== null) blocking.push(layer);
  }
  return { blocking, mask: maskOf(weighted) };
}

/**
 * What Piggyback keeps of a crown: a bit for every weight of its dense layers, and for each of their output channels a
 * scale and a bias in half precision. Depthwise layers stay as they are. The head is not counted: it depends on the
 * number of classes.
 */
function maskOf(layers: readonly WeightLayer[]): Cut['mask'] {
  let weights = 0;
  let channels = 0;
  let bytes = 0;
  for (const layer of layers) {
    if (layer.depthwise) continue;
    channels += layer.channels;
    bytes += 4 * layer.channels;
    weights += sizeOf(layer.weight.dims);
    bytes += Math.ceil(sizeOf(layer.weight.dims) / 8);
  }
  return { weights, channels, bytes };
}

/** Says of a tensor whether it holds one slice per sample: its first axis, and only that, grows with the batch. */
function samplewise({ model, input, inputShape }: Network, { shapes }: Layers): (name: string) => boolean {
  const two = staticShapes(model.graph, new Map([[input, [2, ...inputShape.slice(1)]]]));
  return (name) => {
    const one = shapes.shapes.get(name);
    return String([2, ...(one?.slice(1) ?? [])]) === String(two.shapes.get(name)) && one?.[0] === 1;
  };
}

function obstacleOf(
  { features }: Network,
  { shapes }: Layers,
  { blocking, mask }: Pick<Cut, 'blocking' | 'mask'>,
  latent: readonly number[] | undefined,
  samplewise: boolean,
): string | null {
  if (!latent) return "the latent's shape is not known";
  if (blocking.length > 0) {
    const shown = blocking.slice(0, 3).map((l) => `${l.node.op} '${l.node.outputs[0]}'`);
    const more = blocking.length > 3 ? ` and ${blocking.length - 3} more` : '';
    return `no gradient passes ${shown.join(', ')}${more}`;
  }
  if (!samplewise) {
    return 'a batch of 2 does not give two latents there: a shape before it is fixed for one sample, or axes are mixed';
  }
  const out = shapes.shapes.get(features);
  if (out && out.length !== 2) {
    return `a head reads [batch, features], and '${features}' has [${out.join(', ')}]: export the network with a Flatten at its end`;
  }
  if (mask.channels === 0) return NOTHING_TO_TRAIN;
  return null;
}
