import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { floats } from '../../onnx/model.js';
import type { AdapterTensors } from '../adapter.js';
import type { Isolation, IsolationContext, Parameter, TaskOutputs, TrainableNetwork } from '../strategy.js';
import { crownOutputs, type WeightLayer, weightLayer } from './layers.js';

/**
 * Ordinary training: every weight and every bias of the crown's convolutions, but depthwise kernels, which stay constants as in
 * every method of Lichen. Here for the comparison with other frameworks; it isolates nothing.
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
    const names = inline(b, crown.graph, new Map([[crown.latent, latent]]), (node, inputs) => {
      const layer = weightLayer(crown.graph, node);
      if (!layer || node.op !== 'Conv') return undefined;
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
      // As a matrix: the runtime is slow at tensors whose last dimensions are 1, as pointwise kernels' are.
      const start = new Float32Array(weight.data);
      const matrix = parameter(`${key}.weight`, [weight.dims[0]!, start.length / weight.dims[0]!], start);
      const shaped = b.op('Reshape', [matrix, b.ints(...weight.dims)]);
      return b.op(node.op, [inputs[0]!, shaped, bias], node.attributes);
    });
    return { builder: b, parameters, features: names.get(crown.features)! };
  }

  freeze({ crown }: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors {
    const tensors: AdapterTensors = new Map();
    for (const node of crown.graph.nodes) {
      const layer = weightLayer(crown.graph, node);
      if (!layer || node.op !== 'Conv') continue;
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
      if (!layer || node.op !== 'Conv') return undefined;
      const key = node.outputs[0]!;
      const data = adapter.get(`${key}.weight`)?.data ?? layer.weight.data;
      const weight = b.constant(floats(data, layer.weight.dims), b.fresh(`${key}.weight`));
      const bias = adapter.get(`${key}.bias`)?.data ?? startBias(layer);
      const added = b.constant(floats(bias, [layer.channels]), b.fresh(`${key}.bias`));
      return b.op(node.op, [inputs[0]!, weight, added], node.attributes);
    });
    return crownOutputs(crown, names);
  }
}

function startBias({ bias, channels }: WeightLayer): Float32Array {
  return bias?.slice() ?? new Float32Array(channels);
}
