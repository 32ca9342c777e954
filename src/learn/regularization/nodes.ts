import { LichenError } from '../../errors.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { type Graph, int, intAttribute, ints, intsAttribute, type Node, node } from '../../onnx/model.js';
import { trainableNodes, weightLayer } from '../isolation/layers.js';
import { HEAD } from '../sequence/headed.js';
import type { Crown } from '../strategy.js';

/** A unit of a dense layer or a filter of a convolution, by its layer and place. */
export interface NodeOf {
  layer: string;
  place: number;
}

/** A trained layer as rows of weights, one for each node. */
export interface NodeLayer {
  /** The layer's output; its parameters are `KEY.weight` and `KEY.bias`. */
  key: string;
  nodes: number;
  /** Weights of a node. */
  columns: number;
  /** Whether the weight is [nodes, columns]; else it is [columns, nodes]. */
  nodesFirst: boolean;
  isHead: boolean;
  /** The tensor that says how active the nodes are: what the layer's activation function makes of its output. */
  activation: string;
  /** For every column the nodes that it reads; none where it reads the network's input. */
  sources: readonly (readonly NodeOf[])[];
}

/** What leaves 0 as it is, and every channel apart. */
const ACTIVATIONS = new Set([
  'Relu',
  'LeakyRelu',
  'PRelu',
  'Clip',
  'HardSwish',
  'Tanh',
  'Elu',
  'Selu',
  'Celu',
]);
const PASSING = new Set([
  ...ACTIVATIONS,
  ...[
    'MaxPool',
    'AveragePool',
    'GlobalAveragePool',
    'GlobalMaxPool',
    'Identity',
    'Dropout',
    'Flatten',
    'Reshape',
  ],
  ...['ReduceMean', 'Squeeze'],
]);

/**
 * The trained layers of a network whose head is `HEAD`, in order, with what each weight reads; none where it reads what
 * is frozen.
 * @throws LichenError `method-network` where nodes cannot be followed from layer to layer
 */
export function nodeLayers(crown: Crown): NodeLayer[] {
  const { graph, latent, latentShape, frozenUntil: start = latent } = crown;
  const shapes = shapesOf(graph, latent, latentShape);
  const channels = new Map<string, NodeOf[][]>([
    [start, Array.from({ length: shapes(start)[1]! }, (): NodeOf[] => [])],
  ]);
  const layers: NodeLayer[] = [];
  for (const n of trainableNodes(crown)) {
    const [output] = n.outputs as [string];
    const layer = weightLayer(graph, n);
    if (!layer) {
      channels.set(output, passed(n, channels, shapes));
      continue;
    }
    if (layer.depthwise || intAttribute(n, 'group', 1) !== 1) {
      throw refused(n, 'its filters read single channels, which cannot be cut off');
    }
    const { weight, channels: nodes } = layer;
    const nodesFirst = layer.perChannel.length > 1;
    const columns = weight.data.length / nodes;
    const read = channels.get(n.inputs[0]!);
    if (!read) throw refused(n, 'its input is not followed');
    const each = columns / read.length;
    layers.push({
      ...{ key: output, nodes, columns, nodesFirst, isHead: output === HEAD },
      activation: activationBehind(graph, output),
      sources: read.flatMap((nodesOf) => Array.from({ length: each }, () => nodesOf)),
    });
    channels.set(
      output,
      Array.from({ length: nodes }, (_, place) => [{ layer: output, place }]),
    );
  }
  return layers;
}

/**
 * The same network with the mean activation of every node but the head's as its features [batch, nodes], layer after
 * layer; over the positions where there are some (Jung et al. 2020, section 3.1).
 */
export function withActivations(crown: Crown, layers: readonly NodeLayer[]): Crown {
  const { graph, latent, latentShape } = crown;
  const shapes = shapesOf(graph, latent, latentShape);
  const hidden = layers.filter((l) => !l.isHead);
  const added = hidden.flatMap(({ activation, key }) => {
    const positions = shapes(activation)
      .map((_, axis) => axis)
      .slice(2);
    const size = node('Abs', [activation], [`${key}:size`]);
    if (positions.length === 0) return [size];
    const attributes = { axes: ints(positions), keepdims: int(0) };
    return [size, node('ReduceMean', [`${key}:size`], [`${key}:mean`], attributes)];
  });
  const parts = hidden.map(
    ({ activation, key }) => `${key}:${shapes(activation).length > 2 ? 'mean' : 'size'}`,
  );
  const features = 'lichen:activations';
  const joined = node('Concat', parts, [features], { axis: int(1) });
  const count = hidden.reduce((sum, l) => sum + l.nodes, 0);
  const nodes = [...graph.nodes, ...added, joined];
  const outputs = [{ ...graph.outputs[0]!, name: features, dims: [1, count] }];
  return { ...crown, graph: { ...graph, nodes, outputs }, features };
}

/** The channels of a node's output. */
function passed(
  n: Node,
  channels: ReadonlyMap<string, NodeOf[][]>,
  shapes: (name: string) => readonly number[],
): NodeOf[][] {
  const known = n.inputs.map((i) => channels.get(i));
  const [first, second] = known;
  const width = shapes(n.outputs[0]!)[1]!;
  if (first && PASSING.has(n.op)) {
    const spatial = n.op !== 'ReduceMean' || (intsAttribute(n, 'axes') ?? [0]).every((a) => a > 1);
    const each = width / first.length;
    if (spatial && Number.isInteger(each)) return first.flatMap((c) => Array.from({ length: each }, () => c));
  }
  if (first && second && n.op === 'Add' && first.length === second.length) {
    return first.map((c, i) => [...c, ...second[i]!]);
  }
  if (n.op === 'Concat' && intAttribute(n, 'axis', 0) === 1 && known.every((c) => c !== undefined)) {
    return known.flatMap((c) => c!);
  }
  // A scale or a shift of every channel.
  if (['Add', 'Sub', 'Mul', 'Div'].includes(n.op) && known.filter((c) => c !== undefined).length === 1) {
    const only = (first ?? second)!;
    if (only.length === width) return only;
  }
  throw refused(n, 'it mixes channels, or moves them to another place');
}

function refused(n: Node, why: string): LichenError {
  return new LichenError(
    'method-network',
    `AGS-CL cannot follow the network's nodes through '${n.name}' (${n.op}): ${why}. ` +
      `It takes dense layers, ungrouped convolutions, pools, and ${[...ACTIVATIONS].join(', ')}; use EWC on this network.`,
  );
}

/** What the activation function behind a layer makes of its output; the output itself where there is none. */
function activationBehind(graph: Graph, output: string): string {
  const readers = graph.nodes.filter((n) => n.inputs.includes(output));
  const [reader] = readers;
  return readers.length === 1 && reader && ACTIVATIONS.has(reader.op) ? reader.outputs[0]! : output;
}

function shapesOf(graph: Graph, latent: string, latentShape: readonly number[]) {
  const b = new GraphBuilder();
  const names = inline(b, graph, new Map([[latent, b.input(latent, [1, ...latentShape])]]));
  return (name: string) => b.shape(names.get(name) ?? name);
}
