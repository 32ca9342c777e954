import { channelsLast } from '../../autodiff/layout.js';
import { patched } from '../../autodiff/patches.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { floats, type Graph, int, node } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import type { Crown, TrainableNetwork } from '../strategy.js';
import { fanInUniform, type Initializer, type Layer } from './initializer.js';

/** The head's node; its weight and bias have its name with `.weight` and `.bias`. */
export const HEAD = 'lichen:head';

/**
 * The network with a linear head as its last layer: what tasks that share a network share whole. Its features are the
 * logits [batch, classes].
 * @param initializer what weight and bias begin with
 */
export function withHead(
  crown: Crown,
  classes: number,
  random: Random,
  initializer: Initializer = fanInUniform,
): Crown {
  const { graph, features } = crown;
  const width = Number(graph.outputs.find((o) => o.name === features)?.dims?.[1]);
  if (!Number.isInteger(width)) throw new RangeError(`the features '${features}' have no static width`);
  const drawn = (of: Layer['of'], count: number) =>
    Float32Array.from({ length: count }, () => initializer(random, { fanIn: width, fanOut: classes, of }));
  const headed: Graph = {
    ...graph,
    nodes: [...graph.nodes, node('Gemm', [features, `${HEAD}:w`, `${HEAD}:b`], [HEAD], { transB: int(1) })],
    initializers: new Map([
      ...graph.initializers,
      [`${HEAD}:w`, floats(drawn('weight', classes * width), [classes, width])],
      [`${HEAD}:b`, floats(drawn('bias', classes), [classes])],
    ]),
    outputs: [{ ...graph.outputs[0]!, name: HEAD, dims: [1, classes] }],
  };
  return { ...crown, graph: headed, features: HEAD };
}

/** A crown whose latent has another name, so that it can be in one graph with itself. */
export function fedBy(crown: Crown, name: string): Crown {
  const { graph, latent } = crown;
  const renamed = (n: string) => (n === latent ? name : n);
  return {
    ...crown,
    latent: name,
    graph: {
      ...graph,
      inputs: graph.inputs.map((i) => ({ ...i, name: renamed(i.name) })),
      nodes: graph.nodes.map((n) => ({ ...n, inputs: n.inputs.map(renamed) })),
    },
  };
}

/** A network in the layout that steps are fastest in, with its features as its only output. */
export function arranged({ builder, features }: TrainableNetwork): GraphBuilder {
  builder.output(features);
  const products = patched(builder.graph(), (name) => builder.shape(name));
  return channelsLast(products.graph(), (name) => products.shape(name));
}
