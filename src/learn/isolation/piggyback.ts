import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { float, floats, sizeOf } from '../../onnx/model.js';
import { type AdapterTensors, half } from '../adapter.js';
import type {
  Isolation,
  IsolationContext,
  LayerFigures,
  Parameter,
  TaskOutputs,
  TrainableNetwork,
} from '../strategy.js';
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
  /** Whether a mask may turn a weight's sign, too: where it is at or below the threshold's negative. Two bits a weight. */
  ternary: boolean;
  /** Whether every output channel has a scale and a bias of the task's own. */
  channels: boolean;
}

/** Mask values: Mallya, Davis & Lazebnik 2018, section 4. Rates, scales and biases are measured. */
export const PIGGYBACK_DEFAULTS: PiggybackOptions = {
  initial: 1e-2,
  threshold: 5e-3,
  maskRate: 3e-4,
  channelRate: 3e-3,
  ternary: false,
  channels: true,
};

/**
 * Piggyback (Mallya, Davis & Lazebnik 2018): one bit per frozen weight, learned as a real-valued mask through
 * a threshold with a straight-through gradient; here with a scale and a bias per output channel besides.
 * Without those, and with masks of -1, 0 and 1, where the options say so.
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
      // As matrices: the runtime is slow at tensors whose last dimensions are 1, as pointwise kernels' are.
      const { matrix, perRow } = matrixOf(layer);
      const frozen = b.constant(floats(weight.data, matrix), `${key}.frozen`);
      const start = new Float32Array(sizeOf(matrix)).fill(o.initial);
      const mask = parameter(`${key}.mask`, matrix, start, o.maskRate);
      let used = b.op('Mul', [frozen, this.thresholded(b, mask)]);
      let bias: string;
      if (o.channels) {
        const ones = new Float32Array(channels).fill(1);
        const scale = parameter(`${key}.scale`, [channels], ones, o.channelRate);
        bias = parameter(`${key}.bias`, [channels], startBias(layer), o.channelRate);
        used = b.op('Mul', [used, perRow ? b.op('Reshape', [scale, b.ints(channels, 1)]) : scale]);
      } else {
        bias = b.constant(floats(startBias(layer), [channels]), `${key}.bias`);
      }
      return withWeight(b, layer, inputs[0]!, b.op('Reshape', [used, b.ints(...weight.dims)]), bias);
    });
    return { builder: b, parameters, features: names.get(crown.features)! };
  }

  freeze({ crown }: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors {
    const tensors: AdapterTensors = new Map();
    for (const node of crown.graph.nodes) {
      const layer = weightLayer(crown.graph, node);
      if (!layer || layer.depthwise) continue;
      const key = node.outputs[0]!;
      const { dims } = layer.weight;
      const mask = values.get(`${key}.mask`)!;
      const turned = (m: number) => this.options.ternary && m <= -Math.fround(this.options.threshold);
      const used = mask.map((m) => (m > this.options.threshold || turned(m) ? 1 : 0));
      tensors.set(`${key}.mask`, { type: 'bit', dims, data: used });
      if (this.options.ternary) {
        tensors.set(`${key}.negative`, { type: 'bit', dims, data: mask.map((m) => (turned(m) ? 1 : 0)) });
      }
      if (!this.options.channels) continue;
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
      const part = (name: string) => adapter.get(`${key}.${name}`)?.data;
      const [mask, negative, scale] = [part('mask'), part('negative'), part('scale')];
      // Depthwise layers have none, and layers that nothing reads were left out; see `withoutFeatures`.
      if (!mask) return undefined;
      const bias = part('bias') ?? startBias(layer);
      const channel = channelOf(layer);
      // A typed array's own map: `from` would make a list of numbers first, several times as large.
      const used = layer.weight.data.map(
        (w, i) => w * mask[i]! * (scale ? scale[channel(i)]! : 1) * (negative?.[i] === 1 ? -1 : 1),
      );
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
  figures(_context: IsolationContext, tensors: AdapterTensors): LayerFigures {
    return new Map([...leftOut(tensors)].map(([layer, share]) => [layer, { leftOut: share }]));
  }

  /** The mask through its thresholds, with a gradient as if they were not there. */
  private thresholded(b: GraphBuilder, mask: string): string {
    const { threshold, ternary } = this.options;
    const above = (t: number) => b.op('Binarize', [mask], { threshold: float(t) });
    // 1 + 1 - 1, 0 + 1 - 1 or 0 + 0 - 1. The gradient is twice as large, which Adam does not see.
    return ternary
      ? b.op('Sub', [b.op('Add', [above(threshold), above(-threshold)]), b.scalar(1)])
      : above(threshold);
  }
}

/** For every layer the share of its weights that an adapter's mask leaves out. */
export function leftOut(tensors: AdapterTensors): Map<string, number> {
  const end = '.mask';
  return new Map(
    [...tensors]
      .filter(([name]) => name.endsWith(end))
      .map(([name, { data }]) => {
        let used = 0;
        for (const bit of data) used += bit;
        return [name.slice(0, -end.length), 1 - used / data.length];
      }),
  );
}
