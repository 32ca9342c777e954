import { LichenError } from '../../errors.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { type Attribute, floats, int, intAttribute, type Node, sizeOf } from '../../onnx/model.js';
import { Random } from '../../random.js';
import { type AdapterTensors, half } from '../adapter.js';
import type {
  Crown,
  Isolation,
  IsolationContext,
  Parameter,
  TaskOutputs,
  TrainableNetwork,
} from '../strategy.js';
import { crownOutputs, type WeightLayer, weightLayer } from './layers.js';

export interface PnnOptions {
  /** Channels of a new column relative to the crown's; at most that many where `columnBytes` is given. */
  width: number;
  rate: number;
  /** What a column may take with its laterals from all earlier ones, as it is kept, without its head. */
  columnBytes?: number;
  /** Whether columns read earlier ones. Without laterals every task has a thin network for itself. */
  laterals: boolean;
}

export const PNN_DEFAULTS: PnnOptions = { width: 0.25, rate: 1e-3, laterals: true };

/** Bytes of a value as a column is kept. */
const STORED_BYTES = 2;

/** Where a column's tensors come from: inputs to be trained, or constants of a frozen column. */
interface Weights {
  tensor(name: string, dims: readonly number[], fanIn: number): string;
  /** Channels of a layer that has so many in the crown. */
  channels(key: string, crown: number): number;
  /** Channels inside a lateral adapter of a layer that has `out` channels. */
  neck(key: string, out: number): number;
}

/** What a layer of a column reads: its own column below, or an earlier one by number; 0 is the crown. */
export interface ColumnSource {
  layer: string;
  source: 'own' | number;
}

/** Given every tensor that a column's layers read; returns what they read in its place. */
export type Tap = (b: GraphBuilder, source: ColumnSource, tensor: string) => string;

const untapped: Tap = (_b, _source, tensor) => tensor;

/** The name under which a tap tells what the head reads. */
export const HEAD_LAYER = 'head';

/** Tensors of one column by the names that the crown gives them. */
type Column = ReadonlyMap<string, string>;

/**
 * Progressive networks (Rusu et al. 2016): every task gets a new thin column beside the frozen crown. A dense
 * layer reads its own column and, through lateral adapters, the inputs of the same layer in the crown and in
 * all earlier columns: y = W x + sum_j U_j relu(V_j x_j) (equation 2, with relu for the adapter's
 * nonlinearity and no separate scale). The head reads the column's and the crown's features together.
 * Under a budget of bytes, each column is as wide as it can be with its laterals, so later ones are thinner.
 */
export class Pnn implements Isolation {
  readonly name = 'pnn';
  private readonly options: PnnOptions;

  /** @throws LichenError `pnn-options` */
  constructor(options: Partial<PnnOptions> = {}) {
    this.options = { ...PNN_DEFAULTS, ...options };
    const { width, columnBytes } = this.options;
    if (!(width > 0))
      throw new LichenError('pnn-options', `the width of columns is ${width}; expected above 0`);
    if (columnBytes !== undefined && !(columnBytes > 0)) {
      throw new LichenError('pnn-options', `a column may take ${columnBytes} bytes; expected above 0`);
    }
  }

  network(context: IsolationContext, batch: number, random: Random): TrainableNetwork {
    const b = new GraphBuilder();
    const latent = b.input(context.crown.latent, [batch, ...context.crown.latentShape]);
    const parameters: Parameter[] = [];
    const weights: Weights = {
      ...this.widths(context),
      tensor: (name, dims, fanIn) => {
        const bound = 1 / Math.sqrt(fanIn);
        const initial = Float32Array.from({ length: sizeOf(dims) }, () => (2 * random.next() - 1) * bound);
        parameters.push({ name, dims, initial, learningRate: this.options.rate });
        return b.input(name, dims);
      },
    };
    return { builder: b, parameters, features: this.columns(context, b, latent, weights).features };
  }

  freeze(context: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors {
    const tensors: AdapterTensors = new Map();
    for (const p of this.network(context, 1, new Random(0)).parameters) {
      tensors.set(p.name, half(values.get(p.name)!, p.dims));
    }
    return tensors;
  }

  /** All of a column leads to its features, which a discriminant reads, too. */
  withoutFeatures(_context: IsolationContext, tensors: AdapterTensors): AdapterTensors {
    return tensors;
  }

  deploy(
    context: IsolationContext,
    adapter: AdapterTensors,
    b: GraphBuilder,
    latent: string,
    tap: Tap = untapped,
  ): TaskOutputs {
    return this.columns(context, b, latent, frozenWeights(b, adapter), tap);
  }

  /** Widths of a new column: as the options say, or the widest that the budget allows. */
  private widths(context: IsolationContext): Pick<Weights, 'channels' | 'neck'> {
    const { width, columnBytes } = this.options;
    if (columnBytes === undefined) return scaled(width, false);
    const bytes = (share: number) => this.bytesOf(context, scaled(share, true));
    // Widths are multiples of eight: steps of a 64th find each of them in layers of up to 512 channels.
    const shares = Array.from({ length: 64 }, (_, i) => (width * (i + 1)) / 64);
    if (bytes(shares[0]!) > columnBytes) {
      throw new LichenError(
        'pnn-budget',
        `column ${context.earlier.length + 1} takes ${bytes(shares[0]!)} bytes at least, with laterals from ` +
          `${context.earlier.length + 1} columns, and may take ${columnBytes}; raise columnBytes, or go without laterals`,
      );
    }
    let [fits, exceeds] = [0, shares.length];
    while (exceeds - fits > 1) {
      const middle = (fits + exceeds) >> 1;
      if (bytes(shares[middle]!) <= columnBytes) fits = middle;
      else exceeds = middle;
    }
    return scaled(shares[fits]!, true);
  }

  /** What a column of some widths takes as it is kept. */
  private bytesOf(context: IsolationContext, widths: Pick<Weights, 'channels' | 'neck'>): number {
    const b = new GraphBuilder();
    const latent = b.input(context.crown.latent, [1, ...context.crown.latentShape]);
    let values = 0;
    const tensor = (name: string, dims: readonly number[]) => {
      values += sizeOf(dims);
      return b.input(name, dims);
    };
    this.columns(context, b, latent, { ...widths, tensor });
    return STORED_BYTES * values;
  }

  /** The crown, the earlier columns and the new one, joined to one feature vector. */
  private columns(
    { crown, earlier }: IsolationContext,
    b: GraphBuilder,
    latent: string,
    weights: Weights,
    tap: Tap = untapped,
  ): TaskOutputs {
    if (!this.options.laterals) {
      const alone = this.column(crown, b, latent, [], weights, tap).get(crown.features)!;
      return { features: alone, maps: [], vectors: [alone] };
    }
    const columns: Column[] = [inline(b, crown.graph, new Map([[crown.latent, latent]]))];
    for (const adapter of earlier)
      columns.push(this.column(crown, b, latent, columns, frozenWeights(b, adapter), untapped));
    const own = this.column(crown, b, latent, columns, weights, tap);
    const frozen = crownOutputs(crown, columns[0]!);
    const thin = tap(b, { layer: HEAD_LAYER, source: 'own' }, own.get(crown.features)!);
    frozen.features = tap(b, { layer: HEAD_LAYER, source: 0 }, frozen.features);
    const features = b.op('Concat', [thin, frozen.features], { axis: int(1) });
    return { features, maps: frozen.maps, vectors: [thin, ...frozen.vectors] };
  }

  private column(
    crown: Crown,
    b: GraphBuilder,
    latent: string,
    before: readonly Column[],
    weights: Weights,
    tap: Tap,
  ): Column {
    const column = new Map([[crown.latent, latent]]);
    const graph = crown.graph;
    return inline(b, graph, column, (node, inputs) => {
      const layer = weightLayer(graph, node);
      if (layer) {
        const y = this.layer(b, crown, layer, inputs[0]!, before, weights, tap);
        column.set(node.outputs[0]!, y);
        return y;
      }
      if (node.op === 'Reshape') throw unsupported(node, 'its shape is fixed to the crown’s width');
      const own = inputs.map((name) =>
        graph.initializers.has(name) ? constant(b, crown, node, name) : name,
      );
      const matched = node.op === 'Add' ? this.matchChannels(b, node, own, weights) : own;
      const y = b.fresh(node.outputs[0]!);
      b.add({ ...node, name: y, inputs: matched, outputs: [y] });
      column.set(node.outputs[0]!, y);
      return y;
    });
  }

  /** A thin copy of one layer with its laterals. */
  private layer(
    b: GraphBuilder,
    crown: Crown,
    layer: WeightLayer,
    x: string,
    before: readonly Column[],
    weights: Weights,
    tap: Tap,
  ): string {
    const { node } = layer;
    const key = node.outputs[0]!;
    if (node.op === 'Conv' && !layer.depthwise && intAttribute(node, 'group', 1) !== 1) {
      throw unsupported(node, 'grouped convolutions cannot be thinned');
    }
    const from = b.shape(x)[1]!;
    const out = layer.depthwise ? from : weights.channels(key, layer.channels);
    const kernel = node.op === 'Conv' ? layer.weight.dims.slice(2) : [];
    const taps = sizeOf(kernel);
    const attributes = layer.depthwise ? { ...node.attributes, group: int(from) } : node.attributes;
    const inPer = layer.depthwise ? 1 : from;
    const w = weights.tensor(`${key}.column`, [out, inPer, ...kernel], inPer * taps);
    const bias = weights.tensor(`${key}.column_bias`, [out], inPer * taps);
    // The first layer reads the latent, which all columns share; a lateral would tell it nothing new.
    const alone = layer.depthwise || node.inputs[0] === crown.latent || before.length === 0;
    const read = alone ? x : tap(b, { layer: key, source: 'own' }, x);
    let y = linear(b, node, read, w, bias, attributes);
    if (alone) return y;
    before.forEach((earlier, j) => {
      const other = tap(b, { layer: key, source: j }, earlier.get(node.inputs[0]!)!);
      const width = b.shape(other)[1]!;
      const neck = weights.neck(key, out);
      const spatial = kernel.map(() => 1);
      const v = weights.tensor(`${key}.lateral${j}.down`, [neck, width, ...spatial], width);
      const vBias = weights.tensor(`${key}.lateral${j}.down_bias`, [neck], width);
      const u = weights.tensor(`${key}.lateral${j}.up`, [out, neck, ...kernel], neck * taps);
      const uBias = weights.tensor(`${key}.lateral${j}.up_bias`, [out], neck * taps);
      const down = b.op('Relu', [linear(b, node, other, v, vBias, {})]);
      y = b.op('Add', [y, linear(b, node, down, u, uBias, attributes)]);
    });
    return y;
  }

  /** A skip connection from before the column was thinned is projected to the column's width. */
  private matchChannels(b: GraphBuilder, node: Node, inputs: string[], weights: Weights): string[] {
    const channels = inputs.map((i) => b.shape(i)[1]!);
    if (b.shape(inputs[0]!).length !== b.shape(inputs[1]!).length || channels[0] === channels[1])
      return inputs;
    const out = Math.min(...channels);
    return inputs.map((input, i) => {
      if (channels[i] === out) return input;
      const spatial = b
        .shape(input)
        .slice(2)
        .map(() => 1);
      const w = weights.tensor(`${node.outputs[0]}.skip`, [out, channels[i]!, ...spatial], channels[i]!);
      const bias = weights.tensor(`${node.outputs[0]}.skip_bias`, [out], channels[i]!);
      return spatial.length > 0
        ? b.op('Conv', [input, w, bias])
        : b.op('Gemm', [input, w, bias], { transB: int(1) });
    });
  }
}

/** Channels of a thin layer: a multiple of eight, for the vector units. */
function thin(channels: number, width: number): number {
  return Math.max(8, Math.round((channels * width) / 8) * 8);
}

/** Channels of a lateral adapter's inside: grows with the root of the layer's width. */
function bottleneck(out: number): number {
  return 32 * Math.max(1, Math.round((3.6 * Math.sqrt(out)) / 32));
}

/** Widths that are a share of the crown's. Under a budget no lateral's inside is wider than its layer. */
function scaled(width: number, budget: boolean): Pick<Weights, 'channels' | 'neck'> {
  return {
    channels: (_key, channels) => thin(channels, width),
    neck: (_key, out) => (budget ? Math.min(out, bottleneck(out)) : bottleneck(out)),
  };
}

/** A dense layer; weights of Gemm and MatMul columns are [out, in]. */
function linear(
  b: GraphBuilder,
  node: Node,
  x: string,
  w: string,
  bias: string,
  attributes: Record<string, Attribute>,
): string {
  if (node.op === 'Conv') return b.op('Conv', [x, w, bias], attributes);
  return b.op('Gemm', [x, w, bias], { transB: int(1) });
}

function frozenWeights(b: GraphBuilder, adapter: AdapterTensors): Weights {
  const missing = (what: string) =>
    new LichenError(
      'adapter-invalid',
      `the column has no tensor ${what}; it was made for another backbone or beside other columns`,
    );
  const rows = (name: string) => {
    const first = adapter.get(name)?.dims[0];
    if (first === undefined) throw missing(`'${name}'`);
    return first;
  };
  return {
    tensor: (name, dims) => {
      const stored = adapter.get(name);
      if (!stored || String(stored.dims) !== String(dims)) throw missing(`'${name}' of shape [${dims}]`);
      return b.constant(floats(stored.data, dims), b.fresh(name));
    },
    channels: (key) => rows(`${key}.column`),
    neck: (key) => rows(`${key}.lateral0.down`),
  };
}

function constant(b: GraphBuilder, crown: Crown, node: Node, name: string): string {
  const t = crown.graph.initializers.get(name)!;
  if (sizeOf(t.dims) > 1 && ['Mul', 'Add', 'Sub', 'Div'].includes(node.op)) {
    throw unsupported(node, `its constant '${name}' has the crown's width`);
  }
  return b.has(name) ? name : b.constant(t, name);
}

function unsupported(node: Node, why: string): LichenError {
  return new LichenError(
    'pnn-unsupported',
    `a column cannot be grown through node '${node.name}' (${node.op}): ${why}. Use Piggyback, or cut later.`,
  );
}
