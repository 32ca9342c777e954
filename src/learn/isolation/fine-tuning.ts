import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { floats } from '../../onnx/model.js';
import type { AdapterTensors } from '../adapter.js';
import type {
  Crown,
  Isolation,
  IsolationContext,
  Parameter,
  TaskOutputs,
  TrainableNetwork,
} from '../strategy.js';
import { crownBytes, crownOutputs, startBias, trainableNodes, weightLayer, withWeight } from './layers.js';

/**
 * Ordinary training: every weight and bias of convolutions, Gemm and MatMul layers, but depthwise kernels, which stay
 * constants as in every method of Lichen, and what a crown is frozen until. It isolates nothing: the network that tasks share, and the reference of one
 * network per task.
 */
export class FineTuning implements Isolation {
  readonly name = 'fine-tuning';
  private readonly rate: number;

  constructor(rate: number) {
    this.rate = rate;
  }

  network({ crown }: IsolationContext, batch: number): TrainableNetwork {
    const b = new GraphBuilder();
    const latent = b.input(crown.latent, [batch, ...crown.latentShape]);
    const parameters: Parameter[] = [];
    const parameter = (name: string, dims: readonly number[], initial: Float32Array) => {
      parameters.push({ name, dims, initial, learningRate: this.rate });
      return b.input(name, dims);
    };
    const trainable = new Set(trainableNodes(crown));
    const names = inline(b, crown.graph, new Map([[crown.latent, latent]]), (node, inputs) => {
      const layer = trainable.has(node) ? weightLayer(crown.graph, node) : undefined;
      if (!layer) return undefined;
      const { channels, weight, depthwise } = layer;
      const key = node.outputs[0]!;
      const bias = parameter(`${key}.bias`, [channels], startBias(layer));
      if (depthwise) {
        // Without the bias, which is no constant, the runtime's kernel for constant depthwise layers fits.
        const y = b.op('Conv', [inputs[0]!, b.constant(weight, `${key}.frozen`)], node.attributes);
        return b.op('Add', [
          y,
          b.op('Reshape', [bias, b.ints(channels, ...weight.dims.slice(2).map(() => 1))]),
        ]);
      }
      const start = new Float32Array(weight.data);
      if (node.op !== 'Conv') {
        return withWeight(b, layer, inputs[0]!, parameter(`${key}.weight`, weight.dims, start), bias);
      }
      // As a matrix: the runtime is slow at tensors whose last dimensions are 1, as pointwise kernels' are.
      const matrix = parameter(`${key}.weight`, [weight.dims[0]!, start.length / weight.dims[0]!], start);
      const shaped = b.op('Reshape', [matrix, b.ints(...weight.dims)]);
      return withWeight(b, layer, inputs[0]!, shaped, bias);
    });
    return { builder: b, parameters, features: names.get(crown.features)! };
  }

  freeze({ crown }: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors {
    const tensors: AdapterTensors = new Map();
    for (const node of trainableNodes(crown)) {
      const layer = weightLayer(crown.graph, node);
      if (!layer) continue;
      const key = node.outputs[0]!;
      const weight = values.get(`${key}.weight`);
      if (weight) tensors.set(`${key}.weight`, { type: 'float', dims: layer.weight.dims, data: weight });
      const bias = values.get(`${key}.bias`)!;
      tensors.set(`${key}.bias`, { type: 'float', dims: [layer.channels], data: bias });
    }
    return tensors;
  }

  withoutFeatures(_context: IsolationContext, tensors: AdapterTensors): AdapterTensors {
    return tensors;
  }

  deploy({ crown }: IsolationContext, adapter: AdapterTensors, b: GraphBuilder, latent: string): TaskOutputs {
    const names = inline(b, crown.graph, new Map([[crown.latent, latent]]), (node, inputs) => {
      const layer = weightLayer(crown.graph, node);
      if (!layer) return undefined;
      const key = node.outputs[0]!;
      const data = adapter.get(`${key}.weight`)?.data ?? layer.weight.data;
      const weight = b.constant(floats(data, layer.weight.dims), b.fresh(`${key}.weight`));
      const bias = adapter.get(`${key}.bias`)?.data ?? startBias(layer);
      const added = b.constant(floats(bias, [layer.channels]), b.fresh(`${key}.bias`));
      return withWeight(b, layer, inputs[0]!, weight, added);
    });
    return crownOutputs(crown, names);
  }

  /** Only kernels that are not trained. */
  sharedBytes(crown: Crown): number {
    return crownBytes(crown, ({ depthwise }) => depthwise);
  }
}

/** The crown with what was trained as its own weights: a backbone that later tasks build on. */
export function withTrained(crown: Crown, values: ReadonlyMap<string, Float32Array>): Crown {
  const initializers = new Map(crown.graph.initializers);
  const nodes = crown.graph.nodes.map((node) => {
    const layer = weightLayer(crown.graph, node);
    if (!layer) return node;
    const key = node.outputs[0]!;
    const bias = values.get(`${key}.bias`);
    const weight = values.get(`${key}.weight`);
    if (weight) initializers.set(`${key}:trained.weight`, floats(weight.slice(), layer.weight.dims));
    if (bias && node.op !== 'MatMul')
      initializers.set(`${key}:trained.bias`, floats(bias.slice(), [layer.channels]));
    const inputs = [...node.inputs];
    if (weight) inputs[1] = `${key}:trained.weight`;
    if (bias && node.op !== 'MatMul') inputs[2] = `${key}:trained.bias`;
    return { ...node, inputs };
  });
  return { ...crown, graph: { ...crown.graph, nodes, initializers } };
}
