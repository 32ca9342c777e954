import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { float, floats, sizeOf } from '../../onnx/model.js';
import { type AdapterTensors, half } from '../adapter.js';
import type { Isolation, IsolationContext, Parameter, TaskOutputs, TrainableNetwork } from '../strategy.js';
import { mapsOf } from '../summary.js';
import {
  ancestorsOf,
  channelOf,
  crownOutputs,
  matrixOf,
  startBias,
  weightLayer,
  withWeight,
} from './layers.js';

export interface PiggybackOptions {
  /** Value that every real-valued mask starts from. */
  initial: number;
  /** A weight is used where its mask is above this. */
  threshold: number;
  maskRate: number;
  /** Learning rate of scales and biases. */
  channelRate: number;
}

/** Mask values and rates: Mallya, Davis & Lazebnik 2018, section 4; the masks' rate is measured. */
export const PIGGYBACK_DEFAULTS: PiggybackOptions = {
  initial: 1e-2,
  threshold: 5e-3,
  maskRate: 3e-4,
  channelRate: 3e-3,
};

/**
 * Piggyback (Mallya, Davis & Lazebnik 2018): one bit per frozen weight, learned as a real-valued mask through
 * a threshold with a straight-through gradient; here with a scale and a bias per output channel besides.
 * Depthwise layers stay as they are: their weights are few and fast only as constants, and a scale and a bias of their
 * own cost a twentieth of a step and gained no accuracy (docs/benchmarks.md).
 */
export class Piggyback implements Isolation {
  readonly name = 'piggyback';
  private readonly options: PiggybackOptions;

  constructor(options: Partial<PiggybackOptions> = {}) {
    this.options = { ...PIGGYBACK_DEFAULTS, ...options };
  }

  network({ crown }: IsolationContext, batch: number): TrainableNetwork {
    const o = this.options;
    const b = new GraphBuilder();
    const latent = b.input(crown.latent, [batch, ...crown.latentShape]);
    const parameters: Parameter[] = [];
    const parameter = (
      name: string,
      dims: readonly number[],
      initial: Float32Array,
      learningRate: number,
    ) => {
      parameters.push({ name, dims, initial, learningRate });
      return b.input(name, dims);
    };
    const names = inline(b, crown.graph, new Map([[crown.latent, latent]]), (node, inputs) => {
      const layer = weightLayer(crown.graph, node);
      if (!layer || layer.depthwise) return undefined;
      const { channels, weight } = layer;
      const key = node.outputs[0]!;
      const scale = parameter(`${key}.scale`, [channels], new Float32Array(channels).fill(1), o.channelRate);
      const bias = parameter(`${key}.bias`, [channels], startBias(layer), o.channelRate);
      // As matrices: the runtime is slow at tensors whose last dimensions are 1, as pointwise kernels' are.
      const { matrix, perRow } = matrixOf(layer);
      const frozen = b.constant(floats(weight.data, matrix), `${key}.frozen`);
      const start = new Float32Array(sizeOf(matrix)).fill(o.initial);
      const mask = parameter(`${key}.mask`, matrix, start, o.maskRate);
      const bits = b.op('Binarize', [mask], { threshold: float(o.threshold) });
      const masked = b.op('Mul', [frozen, bits]);
      const scaled = b.op('Mul', [masked, perRow ? b.op('Reshape', [scale, b.ints(channels, 1)]) : scale]);
      const used = b.op('Reshape', [scaled, b.ints(...weight.dims)]);
      return withWeight(b, layer, inputs[0]!, used, bias);
    });
    return { builder: b, parameters, features: names.get(crown.features)! };
  }

  freeze({ crown }: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors {
    const tensors: AdapterTensors = new Map();
    for (const node of crown.graph.nodes) {
      const layer = weightLayer(crown.graph, node);
      if (!layer || layer.depthwise) continue;
      const key = node.outputs[0]!;
      const data = values.get(`${key}.mask`)!.map((m) => (m > this.options.threshold ? 1 : 0));
      tensors.set(`${key}.mask`, { type: 'bit', dims: layer.weight.dims, data });
      tensors.set(`${key}.scale`, half(values.get(`${key}.scale`)!, [layer.channels]));
      tensors.set(`${key}.bias`, half(values.get(`${key}.bias`)!, [layer.channels]));
    }
    return tensors;
  }

  withoutFeatures({ crown }: IsolationContext, tensors: AdapterTensors): AdapterTensors {
    const maps = mapsOf(crown);
    if (maps.length === 0) return tensors;
    const read = ancestorsOf(crown.graph, maps);
    return new Map([...tensors].filter(([name]) => read.has(name.slice(0, name.lastIndexOf('.')))));
  }

  deploy({ crown }: IsolationContext, adapter: AdapterTensors, b: GraphBuilder, latent: string): TaskOutputs {
    const names = inline(b, crown.graph, new Map([[crown.latent, latent]]), (node, inputs) => {
      const layer = weightLayer(crown.graph, node);
      if (!layer) return undefined;
      const key = node.outputs[0]!;
      const scale = adapter.get(`${key}.scale`)?.data;
      const bias = adapter.get(`${key}.bias`)?.data;
      // Depthwise layers have none, and layers that nothing reads were left out; see `withoutFeatures`.
      if (!scale || !bias) return undefined;
      const mask = adapter.get(`${key}.mask`)?.data;
      const channel = channelOf(layer);
      // A typed array's own map: `from` would make a list of numbers first, several times as large.
      const used = layer.weight.data.map((w, i) => w * (mask ? mask[i]! : 1) * scale[channel(i)]!);
      const weight = b.constant(floats(used, layer.weight.dims), b.fresh(`${key}.weight`));
      return withWeight(
        b,
        layer,
        inputs[0]!,
        weight,
        b.constant(floats(bias, [layer.channels]), b.fresh(`${key}.bias`)),
      );
    });
    return crownOutputs(crown, names);
  }
}
