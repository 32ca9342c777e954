import { LichenError } from '../../errors.js';
import type { AdapterTensors } from '../adapter.js';
import { at, connected, edge, emptyLayer, firstUnits, type UnitLayer } from './unit-layers.js';

/** For every layer its units at the end of each task: those before a task's number existed when it was learned. */
export type Stamps = readonly (readonly number[])[];

/** A network whose units are stamped with the task that they came with, oldest first. */
export interface StampedNetwork {
  layers: UnitLayer[];
  /** [task][layer] */
  stamps: Stamps;
}

/**
 * What each task added to a network. A task's block holds the rows of its own units, and the weights from its own units
 * to older ones; so a task's network is made of its block and those before it, and nothing newer is in it
 * (time-stamped inference; Yoon et al. 2018, section 3.3). Inputs and readers without a weight are left out.
 */
export function blocksOf({ layers, stamps }: StampedNetwork): AdapterTensors[] {
  return stamps.map((until, t) => {
    const tensors: AdapterTensors = new Map();
    const put = (name: string, dims: number[], data: Float32Array) =>
      tensors.set(name, { type: 'float', dims, data });
    layers.forEach((layer, l) => {
      const { key, taps } = layer;
      const from = stamps[t - 1]?.[l] ?? 0;
      const own = firstUnits(until[l]!).slice(from);
      const known = l === 0 ? layer.inputs : until[l - 1]!;
      const inputs = firstUnits(known).filter((i) => l === 0 || own.some((u) => connected(layer, u, i)));
      put(`${key}.rows`, [own.length, inputs.length, taps], gathered(layer, own, inputs));
      put(
        `${key}.bias`,
        [own.length],
        Float32Array.from(own, (u) => layer.bias[u]!),
      );
      if (l > 0) put(`${key}.inputs`, [inputs.length], Float32Array.from(inputs));
      if (l === 0 || t === 0) return;
      const fresh = firstUnits(known).slice(stamps[t - 1]![l - 1]);
      const readers = firstUnits(from).filter((u) => fresh.some((i) => connected(layer, u, i)));
      put(`${key}.readers`, [readers.length], Float32Array.from(readers));
      put(`${key}.read`, [readers.length, fresh.length, taps], gathered(layer, readers, fresh));
    });
    return tensors;
  });
}

/**
 * Puts a network together from what tasks added, oldest first.
 * @param shapes the crown's layers: what is not in the blocks
 * @throws LichenError `adapter-invalid` where a tensor is missing
 */
export function networkOf(shapes: readonly UnitLayer[], blocks: readonly AdapterTensors[]): StampedNetwork {
  const stamps: number[][] = [];
  for (const block of blocks) {
    stamps.push(shapes.map(({ key }, l) => (stamps.at(-1)?.[l] ?? 0) + tensor(block, `${key}.bias`).length));
  }
  const layers = shapes.map((shape, l) => {
    const layer = emptyLayer(shape, stamps.at(-1)![l]!, l === 0 ? shape.inputs : stamps.at(-1)![l - 1]!);
    const { key } = shape;
    blocks.forEach((block, t) => {
      const from = stamps[t - 1]?.[l] ?? 0;
      const own = firstUnits(stamps[t]![l]!).slice(from);
      layer.bias.set(tensor(block, `${key}.bias`), from);
      const inputs = l === 0 ? firstUnits(layer.inputs) : [...tensor(block, `${key}.inputs`)];
      scatter(layer, own, inputs, tensor(block, `${key}.rows`));
      if (l === 0 || t === 0) return;
      const fresh = firstUnits(stamps[t]![l - 1]!).slice(stamps[t - 1]![l - 1]);
      scatter(layer, [...tensor(block, `${key}.readers`)], fresh, tensor(block, `${key}.read`));
    });
    return layer;
  });
  return { layers, stamps };
}

function gathered(layer: UnitLayer, units: readonly number[], inputs: readonly number[]): Float32Array {
  const data = new Float32Array(units.length * inputs.length * layer.taps);
  units.forEach((unit, u) => {
    inputs.forEach((input, i) => {
      data.set(edge(layer, unit, input), (u * inputs.length + i) * layer.taps);
    });
  });
  return data;
}

function scatter(
  layer: UnitLayer,
  units: readonly number[],
  inputs: readonly number[],
  data: Float32Array,
): void {
  const { taps } = layer;
  units.forEach((unit, u) => {
    inputs.forEach((input, i) => {
      const from = (u * inputs.length + i) * taps;
      layer.weight.set(data.subarray(from, from + taps), at(layer, unit, input));
    });
  });
}

function tensor(block: AdapterTensors, name: string): Float32Array {
  const stored = block.get(name);
  if (!stored) {
    throw new LichenError(
      'adapter-invalid',
      `a task's units have no tensor '${name}'; they are of another backbone`,
    );
  }
  return stored.data;
}
