import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { float, floats, sizeOf } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import type { AdapterTensors } from '../adapter.js';
import type { Crown, IsolationContext, Parameter, TrainableNetwork } from '../strategy.js';
import { ownableLayers, ownership, partsOf } from './cpg-weights.js';
import { matrixOf, startBias, type WeightLayer, withWeight } from './layers.js';
import type { Widths } from './widening.js';

export interface PickingOptions {
  /** Value that every real-valued mask starts from. */
  initial: number;
  /** An earlier weight is picked where its mask is above this. */
  threshold: number;
  maskRate: number;
  /** Learning rate of the task's own weights. */
  rate: number;
  /** Learning rate of scales and biases. */
  channelRate: number;
  /** Whether every output channel has a scale of the task's own. */
  scales: boolean;
}

/** One layer of a task in training. */
export interface DraftLayer {
  dims: readonly number[];
  channels: number;
  /** Values of weights that have an owner; 0 where they are free. */
  fixed: Float32Array;
  /** 1 where a weight was free and the task may use it. */
  kept: Float32Array;
  /** Values of the task's own weights; 0 where it keeps none. */
  own: Float32Array;
  /** Real-valued masks of weights that have an owner. */
  mask: Float32Array;
  scale: Float32Array;
  bias: Float32Array;
}

/** A task in training: picks among earlier weights, and weights of its own. */
export interface Draft {
  /** Of the task's widths. */
  crown: Crown;
  layers: ReadonlyMap<string, DraftLayer>;
}

/**
 * Where a task starts: every earlier weight picked, every free one the task's own. Values of free weights are drawn
 * uniform in +-1 / sqrt(fan-in), but for the first task on a network that is not pretrained, which starts from the
 * network's own. Channels that the crown did not have are read by none of its old channels at first: what the old ones
 * say is not disturbed.
 */
export function startDraft(
  context: IsolationContext,
  pretrained: boolean,
  widths: Widths,
  { initial }: PickingOptions,
  random: Random,
): Draft {
  const base = ownableLayers(context.crown);
  const { crown, layers } = ownership(context, pretrained, widths);
  const wide = ownableLayers(crown);
  const first = !pretrained && context.earlier.length === 0;
  const drafts = new Map<string, DraftLayer>();
  for (const [key, { dims, owner, values }] of layers) {
    const layer = wide.get(key)!;
    const kept = Float32Array.from(owner, (o) => (o === 0 ? 1 : 0));
    const place = placesOf(base.get(key)!, layer);
    const bound = 1 / Math.sqrt(sizeOf(dims) / layer.channels);
    const own = new Float32Array(kept.length);
    for (let i = 0; i < own.length; i++) {
      if (kept[i] === 0) continue;
      const where = place(i);
      const drawn = (2 * random.next() - 1) * bound;
      own[i] = where === 'old' && first ? layer.weight.data[i]! : where === 'between' ? 0 : drawn;
    }
    drafts.set(key, {
      ...{ dims, channels: layer.channels, fixed: values, kept, own },
      mask: new Float32Array(kept.length).fill(initial),
      scale: new Float32Array(layer.channels).fill(1),
      bias: startBias(layer),
    });
  }
  return { crown, layers: drafts };
}

/** Says of a weight whether it was in the narrow layer, is of a new channel, or leads from a new one to an old one. */
function placesOf(narrow: WeightLayer, wide: WeightLayer): (i: number) => 'old' | 'new' | 'between' {
  const inner = sizeOf(wide.weight.dims.slice(2));
  const columns = wide.weight.dims[1]!;
  const [oldRows, oldColumns] = narrow.weight.dims as [number, number];
  const { perRow } = matrixOf(wide);
  return (i) => {
    const row = Math.floor(i / (columns * inner));
    const column = Math.floor(i / inner) % columns;
    const [out, from] = perRow ? [row < oldRows, column < oldColumns] : [column < oldColumns, row < oldRows];
    return out ? (from ? 'old' : 'between') : 'new';
  };
}

/** The network to train: weight = scale * (fixed * [mask > threshold] + kept * own), the gradient passes the threshold. */
export function networkOf({ crown, layers }: Draft, batch: number, o: PickingOptions): TrainableNetwork {
  const b = new GraphBuilder();
  const latent = b.input(crown.latent, [batch, ...crown.latentShape]);
  const parameters: Parameter[] = [];
  const parameter = (name: string, dims: readonly number[], initial: Float32Array, learningRate: number) => {
    parameters.push({ name, dims, initial, learningRate });
    return b.input(name, dims);
  };
  const ownable = ownableLayers(crown);
  const names = inline(b, crown.graph, new Map([[crown.latent, latent]]), (node, inputs) => {
    const key = node.outputs[0]!;
    const [layer, draft] = [ownable.get(key), layers.get(key)];
    if (!layer || !draft) return undefined;
    const { channels } = draft;
    // As matrices: the runtime is slow at tensors whose last dimensions are 1, as pointwise kernels' are.
    const { matrix, perRow } = matrixOf(layer);
    const constant = (data: Float32Array) => b.constant(floats(data, matrix), b.fresh(key));
    const parts: string[] = [];
    if (draft.kept.some((k) => k === 0) && draft.fixed.some((v) => v !== 0)) {
      const mask = parameter(`${key}.mask`, matrix, draft.mask, o.maskRate);
      const bits = b.op('Binarize', [mask], { threshold: float(o.threshold) });
      parts.push(b.op('Mul', [constant(draft.fixed), bits]));
    }
    if (draft.kept.some((k) => k === 1)) {
      const own = parameter(`${key}.own`, matrix, draft.own, o.rate);
      parts.push(b.op('Mul', [own, constant(draft.kept)]));
    }
    let used = parts.length === 0 ? constant(new Float32Array(draft.own.length)) : parts[0]!;
    if (parts.length === 2) used = b.op('Add', parts);
    if (o.scales) {
      const scale = parameter(`${key}.scale`, [channels], draft.scale, o.channelRate);
      used = b.op('Mul', [used, perRow ? b.op('Reshape', [scale, b.ints(channels, 1)]) : scale]);
    }
    const bias = parameter(`${key}.bias`, [channels], draft.bias, o.channelRate);
    return withWeight(b, layer, inputs[0]!, b.op('Reshape', [used, b.ints(...draft.dims)]), bias);
  });
  return { builder: b, parameters, features: names.get(crown.features)! };
}

/** The draft with values that were trained. */
export function withValues(draft: Draft, values: ReadonlyMap<string, Float32Array>): Draft {
  const layers = [...draft.layers].map(([key, layer]) => {
    const value = (part: 'own' | 'mask' | 'scale' | 'bias') =>
      values.get(`${key}.${part}`)?.slice() ?? layer[part];
    const trained = { own: value('own'), mask: value('mask'), scale: value('scale'), bias: value('bias') };
    return [key, { ...layer, ...trained }] as const;
  });
  return { ...draft, layers: new Map(layers) };
}

/**
 * The draft with a share of every layer's own weights, the largest; the others are released. Equally large ones are
 * released from the first on.
 */
export function pruned(draft: Draft, share: number): Draft {
  const layers = [...draft.layers].map(([key, layer]) => {
    const places = [...layer.kept.keys()].filter((i) => layer.kept[i] === 1);
    places.sort((i, j) => Math.abs(layer.own[i]!) - Math.abs(layer.own[j]!) || i - j);
    const [kept, own] = [layer.kept.slice(), layer.own.slice()];
    for (const i of places.slice(0, places.length - Math.round(share * places.length))) {
      kept[i] = 0;
      own[i] = 0;
    }
    return [key, { ...layer, kept, own }] as const;
  });
  return { ...draft, layers: new Map(layers) };
}

/** A wider draft that starts where a narrow one ended. */
export function carriedOver(narrow: Draft, wide: Draft): Draft {
  const layers = [...wide.layers].map(([key, layer]) => {
    const before = narrow.layers.get(key)!;
    const over = (part: 'own' | 'mask') => overlaid(before[part], before.dims, layer[part], layer.dims);
    const [scale, bias] = [layer.scale.slice(), layer.bias.slice()];
    scale.set(before.scale);
    bias.set(before.bias);
    return [key, { ...layer, own: over('own'), mask: over('mask'), scale, bias }] as const;
  });
  return { ...wide, layers: new Map(layers) };
}

/** The larger tensor with the smaller one in its low corner. */
function overlaid(
  small: Float32Array,
  dims: readonly number[],
  large: Float32Array,
  into: readonly number[],
): Float32Array {
  const inner = sizeOf(dims.slice(2));
  const all = large.slice();
  for (let row = 0; row < dims[0]!; row++) {
    const size = dims[1]! * inner;
    all.set(small.subarray(row * size, (row + 1) * size), row * into[1]! * inner);
  }
  return all;
}

/** What is kept of a draft; see `partsOf`. */
export function tensorsOf({ layers }: Draft, { threshold, scales }: PickingOptions): AdapterTensors {
  const tensors: AdapterTensors = new Map();
  for (const [key, layer] of layers) {
    const names = partsOf(key);
    const used = layer.kept.map((kept, i) => {
      const picked = layer.fixed[i] !== 0 && layer.mask[i]! > threshold;
      return kept === 1 || picked ? 1 : 0;
    });
    const values = layer.own.filter((_, i) => layer.kept[i] === 1);
    tensors.set(names.used, { type: 'bit', dims: layer.dims, data: used });
    tensors.set(names.values, { type: 'float', dims: [values.length], data: values });
    tensors.set(names.bias, { type: 'float', dims: [layer.channels], data: layer.bias });
    if (scales) tensors.set(names.scale, { type: 'float', dims: [layer.channels], data: layer.scale });
  }
  return tensors;
}
