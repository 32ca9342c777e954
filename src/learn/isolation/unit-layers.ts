import { LichenError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { int, intAttribute, type Node } from '../../onnx/model.js';
import type { Crown } from '../strategy.js';
import { trainableNodes, weightLayer } from './layers.js';

/** A layer by its units: the neurons of a dense layer, the filters of a convolution. */
export interface UnitLayer {
  /** Name of the layer's output in the crown. */
  key: string;
  units: number;
  /** Units of the layer below; values or channels of the latent for the first layer. */
  inputs: number;
  /** Weights between one input and one unit: positions of a kernel, or of a map that was flattened. */
  taps: number;
  /** [units, inputs, taps] */
  weight: Float32Array;
  /** [units] */
  bias: Float32Array;
}

/** For every layer the numbers of some of its units, ascending. */
export type UnitChoice = readonly (readonly number[])[];

/** Operators that treat every unit alike and by itself, whatever the number of units. */
const UNITWISE = new Set([
  ...['Relu', 'LeakyRelu', 'Clip', 'Elu', 'Selu', 'Celu', 'Sigmoid', 'Tanh', 'HardSigmoid', 'HardSwish'],
  ...['Softplus', 'Softsign', 'Erf', 'Identity', 'Dropout'],
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'Flatten'],
]);

/**
 * A crown's layers by their units. It must be a chain: dense layers and ungrouped convolutions, with operators between
 * that treat every unit by itself. Where it is frozen up to some tensor, that holds for what comes after.
 * @throws LichenError `den-unsupported` that names the node where units cannot be added
 */
export function unitLayersOf(crown: Crown): UnitLayer[] {
  const { graph, latent, features, frozenUntil } = crown;
  const layers: UnitLayer[] = [];
  let x = frozenUntil ?? latent;
  for (const node of trainableNodes(crown)) {
    const flowing = node.inputs.filter((name) => name && !graph.initializers.has(name));
    if (flowing.length !== 1 || flowing[0] !== x) {
      throw unsupported(node, `it does not read '${x}' alone, as in a chain of layers`);
    }
    const layer = weightLayer(graph, node);
    if (layer) {
      if (layer.depthwise || intAttribute(node, 'group', 1) !== 1) {
        throw unsupported(node, 'its channels are in groups of fixed sizes');
      }
      if (node.op === 'MatMul' && layer.weight.dims.length !== 2)
        throw unsupported(node, 'it is no dense layer');
      const units = layer.channels;
      const fanIn = layer.weight.data.length / units;
      const below = layers.at(-1)?.units ?? (node.op === 'Conv' ? layer.weight.dims[1]! : fanIn);
      if (fanIn % below !== 0)
        throw unsupported(node, `${fanIn} weights a unit do not fit ${below} units below`);
      const outFirst = layer.perChannel.length > 1;
      const weight = outFirst ? layer.weight.data.slice() : transposed(layer.weight.data, units);
      const bias = layer.bias?.slice() ?? new Float32Array(units);
      layers.push({ key: node.outputs[0]!, units, inputs: below, taps: fanIn / below, weight, bias });
    } else if (!UNITWISE.has(node.op) || (node.op === 'Flatten' && intAttribute(node, 'axis', 1) !== 1)) {
      throw unsupported(node, 'it is not known to treat every unit by itself');
    }
    x = node.outputs[0]!;
  }
  if (layers.length === 0 || x !== features) {
    throw new LichenError(
      'den-unsupported',
      `the network cannot grow: its features '${features}' are not the end of a chain of layers; use PNN or Piggyback`,
    );
  }
  return layers;
}

/**
 * Adds the crown's chain with layers of other widths.
 * @param weights gives a layer's weight [units, inputs * taps] and bias [units] as tensors of the builder
 * @returns the features, [batch, top units * positions]
 */
export function addUnitLayers(
  b: GraphBuilder,
  { graph, latent, features }: Crown,
  x: string,
  layers: readonly UnitLayer[],
  weights: (layer: UnitLayer) => { weight: string; bias: string },
): string {
  const byKey = new Map(layers.map((layer) => [layer.key, layer]));
  const names = inline(b, graph, new Map([[latent, x]]), (node, inputs) => {
    const layer = byKey.get(node.outputs[0]!);
    if (!layer) return undefined;
    const { weight, bias } = weights(layer);
    if (node.op !== 'Conv') return b.op('Gemm', [inputs[0]!, weight, bias], { transB: int(1) });
    const kernel = graph.initializers.get(node.inputs[1]!)!.dims.slice(2);
    const shaped = b.op('Reshape', [weight, b.ints(layer.units, layer.inputs, ...kernel)]);
    return b.op('Conv', [inputs[0]!, shaped, bias], node.attributes);
  });
  return names.get(features)!;
}

/** Some units of every layer, with the weights between them. */
export function partOf(layers: readonly UnitLayer[], choice: UnitChoice): UnitLayer[] {
  return layers.map((layer, l) => {
    const below = choice[l - 1];
    const part = emptyLayer(layer, choice[l]!.length, below?.length ?? layer.inputs);
    choice[l]!.forEach((unit, u) => {
      part.bias[u] = layer.bias[unit]!;
      for (let i = 0; i < part.inputs; i++)
        part.weight.set(edge(layer, unit, below?.[i] ?? i), at(part, u, i));
    });
    return part;
  });
}

/** Writes the weights between some units back to where `partOf` had them from. */
export function writePart(
  layers: readonly UnitLayer[],
  choice: UnitChoice,
  parts: readonly UnitLayer[],
): void {
  layers.forEach((layer, l) => {
    const part = parts[l]!;
    const below = choice[l - 1];
    choice[l]!.forEach((unit, u) => {
      layer.bias[unit] = part.bias[u]!;
      for (let i = 0; i < part.inputs; i++)
        layer.weight.set(edge(part, u, i), at(layer, unit, below?.[i] ?? i));
    });
  });
}

/** The layers with units added at the end of each, all of whose weights are 0. */
export function widened(layers: readonly UnitLayer[], added: readonly number[]): UnitLayer[] {
  const wide = layers.map((layer, l) =>
    emptyLayer(layer, layer.units + added[l]!, layer.inputs + (l > 0 ? added[l - 1]! : 0)),
  );
  writePart(
    wide,
    layers.map(({ units }) => firstUnits(units)),
    layers,
  );
  return wide;
}

/** The numbers 0 to count - 1. */
export const firstUnits = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A layer of this kind with other counts, all weights 0. */
export function emptyLayer({ key, taps }: UnitLayer, units: number, inputs: number): UnitLayer {
  const weight = new Float32Array(units * inputs * taps);
  return { key, taps, units, inputs, weight, bias: new Float32Array(units) };
}

/** Place of the first weight between an input and a unit. */
export const at = ({ inputs, taps }: UnitLayer, unit: number, input: number): number =>
  (unit * inputs + input) * taps;

/** The weights between an input and a unit: a view. */
export function edge(layer: UnitLayer, unit: number, input: number): Float32Array {
  const from = at(layer, unit, input);
  return layer.weight.subarray(from, from + layer.taps);
}

/** Whether any of the weights between an input and a unit is not 0. */
export const connected = (layer: UnitLayer, unit: number, input: number): boolean =>
  edge(layer, unit, input).some((w) => w !== 0);

function transposed(data: Float32Array, units: number): Float32Array {
  const inputs = data.length / units;
  return Float32Array.from(data, (_, i) => data[(i % inputs) * units + Math.floor(i / inputs)]!);
}

function unsupported(node: Node, why: string): LichenError {
  return new LichenError(
    'den-unsupported',
    `the network cannot grow at node '${node.name}' (${node.op}): ${why}. Use PNN or Piggyback, or cut later.`,
  );
}
