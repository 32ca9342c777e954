import { LichenError } from '../../errors.js';
import type { TaskHead } from '../sequence/task-trainer.js';
import {
  at,
  connected,
  edge,
  firstUnits,
  partOf,
  type UnitChoice,
  type UnitLayer,
  widened,
  writePart,
} from './unit-layers.js';

/** A network with a head on its top layer. */
export interface Headed {
  layers: UnitLayer[];
  head: TaskHead;
}

/** Values of the features that one top unit has: one, or as many as its map has positions. */
const topTaps = ({ layers, head }: Headed): number =>
  head.weight.length / head.bias.length / layers.at(-1)!.units;

/** Whether the head reads a unit of the top layer. */
function isRead(headed: Headed, unit: number): boolean {
  const taps = topTaps(headed);
  const width = headed.layers.at(-1)!.units * taps;
  const { weight, bias } = headed.head;
  return bias.some((_, c) => {
    const from = c * width + unit * taps;
    return weight.subarray(from, from + taps).some((w) => w !== 0);
  });
}

/**
 * The units that a head depends on: breadth-first from its outputs down over the weights that are not 0 (Yoon et al.
 * 2018, section 3.1, algorithm 2).
 * @throws LichenError `den-nothing-selected` where no path leads down to the first layer
 */
export function selectedUnits(headed: Headed): number[][] {
  const { layers } = headed;
  const selected: number[][] = [];
  for (let l = layers.length - 1; l >= 0; l--) {
    const above = selected[0];
    selected.unshift(
      firstUnits(layers[l]!.units).filter((unit) =>
        above ? above.some((u) => connected(layers[l + 1]!, u, unit)) : isRead(headed, unit),
      ),
    );
    if (selected[0]!.length === 0) {
      throw new LichenError(
        'den-nothing-selected',
        `the head depends on no unit of layer '${layers[l]!.key}': all weights to it are 0; lower l1, or train longer`,
      );
    }
  }
  return selected;
}

/** Some units of a network, and what the head reads of them. */
export function headedPart(headed: Headed, choice: UnitChoice): Headed {
  const top = headed.layers.at(-1)!.units;
  return { layers: partOf(headed.layers, choice), head: headPart(headed.head, top, choice.at(-1)!) };
}

function headPart({ weight, bias }: TaskHead, units: number, choice: readonly number[]): TaskHead {
  const taps = weight.length / bias.length / units;
  const part = new Float32Array(bias.length * choice.length * taps);
  bias.forEach((_, c) => {
    choice.forEach((unit, u) => {
      const from = (c * units + unit) * taps;
      part.set(weight.subarray(from, from + taps), (c * choice.length + u) * taps);
    });
  });
  return { weight: part, bias: bias.slice() };
}

/** A head on units of a wider layer: `choice` says where each is there. It reads nothing of the others. */
export function headSpread({ weight, bias }: TaskHead, choice: readonly number[], units: number): TaskHead {
  const taps = weight.length / bias.length / choice.length;
  const wide = new Float32Array(bias.length * units * taps);
  bias.forEach((_, c) => {
    choice.forEach((unit, u) => {
      const from = (c * choice.length + u) * taps;
      wide.set(weight.subarray(from, from + taps), (c * units + unit) * taps);
    });
  });
  return { weight: wide, bias: bias.slice() };
}

/** The network with units added at the end of each layer, all of whose weights are 0. */
export function grown({ layers, head }: Headed, added: readonly number[]): Headed {
  const top = layers.at(-1)!.units;
  return { layers: widened(layers, added), head: headSpread(head, firstUnits(top), top + added.at(-1)!) };
}

/**
 * The units that are of use, of those from a number on in each layer: a unit is of none when all of its incoming
 * weights are 0, or when nothing reads it. Units before that number stay in any case.
 */
export function usefulUnits(headed: Headed, from: readonly number[]): number[][] {
  const { layers } = headed;
  let kept = layers.map(({ units }) => firstUnits(units));
  for (;;) {
    const before = kept;
    kept = before.map((units, l) =>
      units.filter((unit) => {
        if (unit < from[l]!) return true;
        const below = before[l - 1] ?? firstUnits(layers[l]!.inputs);
        const reads = below.some((i) => connected(layers[l]!, unit, i));
        const read = before[l + 1]?.some((u) => connected(layers[l + 1]!, u, unit)) ?? isRead(headed, unit);
        return reads && read;
      }),
    );
    if (kept.every((units, l) => units.length === before[l]!.length)) return kept;
  }
}

/**
 * How far each of the first units of a layer went: the l2 distance of its incoming weights, the bias among them, from
 * those before. Weights from units that came since are not counted: no earlier task has them.
 */
export function drifts(before: UnitLayer, now: UnitLayer): number[] {
  return firstUnits(before.units).map((u) => {
    let squares = (now.bias[u]! - before.bias[u]!) ** 2;
    for (let i = 0; i < before.inputs; i++) {
      const [old, moved] = [edge(before, u, i), edge(now, u, i)];
      for (let k = 0; k < before.taps; k++) squares += (moved[k]! - old[k]!) ** 2;
    }
    return Math.sqrt(squares);
  });
}

/** Gives units the incoming weights that lie on the way back to those before, so that none is further than `most`. */
export function pulledWithin(
  most: number,
  before: UnitLayer,
  now: UnitLayer,
  units: readonly number[],
): void {
  const found = drifts(before, now);
  for (const u of units) {
    const factor = Math.min(1, most / found[u]!);
    if (!(factor < 1)) continue;
    now.bias[u] = before.bias[u]! + factor * (now.bias[u]! - before.bias[u]!);
    for (let i = 0; i < before.inputs; i++) {
      const old = edge(before, u, i);
      edge(now, u, i).forEach((w, k) => {
        now.weight[at(now, u, i) + k] = old[k]! + factor * (w - old[k]!);
      });
    }
  }
}

/**
 * Splits units (Yoon et al. 2018, section 3.3, algorithm 4): a unit that drifted is copied to the end of its layer with
 * what it learned, and the unit itself is as it was before the task. Units of the new task alone, copies and newly
 * added ones, and the head read the copy in place of the unit; the others read the unit as before, and of the copy
 * nothing yet.
 * @param now part of the network after training; its first units are those of `before`
 * @param split for every layer the units to split
 */
export function splitUnits(before: readonly UnitLayer[], now: Headed, split: UnitChoice): Headed {
  const wide = grown(
    now,
    split.map((units) => units.length),
  );
  const { layers, head } = wide;
  layers.forEach((layer, l) => {
    const old = now.layers[l]!;
    split[l]!.forEach((unit, c) => {
      const copy = old.units + c;
      layer.bias[copy] = layer.bias[unit]!;
      for (let i = 0; i < layer.inputs; i++) layer.weight.set(edge(layer, unit, i), at(layer, copy, i));
    });
    // What is only the new task's reads copies.
    for (let u = before[l]!.units; u < layer.units; u++) {
      split[l - 1]?.forEach((input, c) => {
        move(layer.weight, at(layer, u, input), at(layer, u, now.layers[l - 1]!.units + c), layer.taps);
      });
    }
  });
  restore(before, layers, split);
  const [top, taps] = [layers.at(-1)!.units, topTaps(wide)];
  head.bias.forEach((_, c) => {
    split.at(-1)!.forEach((unit, i) => {
      const copy = now.layers.at(-1)!.units + i;
      move(head.weight, (c * top + unit) * taps, (c * top + copy) * taps, taps);
    });
  });
  return wide;
}

/** Units are as they were before the task again, and read nothing that came since. */
function restore(before: readonly UnitLayer[], layers: readonly UnitLayer[], split: UnitChoice): void {
  layers.forEach((layer, l) => {
    const old = before[l]!;
    for (const unit of split[l]!) {
      layer.bias[unit] = old.bias[unit]!;
      for (let i = 0; i < layer.inputs; i++) {
        if (i < old.inputs) layer.weight.set(edge(old, unit, i), at(layer, unit, i));
        else edge(layer, unit, i).fill(0);
      }
    }
  });
}

function move(data: Float32Array, from: number, to: number, count: number): void {
  data.copyWithin(to, from, from + count);
  data.fill(0, from, from + count);
}

/** Writes a part back into a network, with units that came since at the end of every layer. */
export function writtenBack(
  layers: readonly UnitLayer[],
  selected: UnitChoice,
  part: Headed,
): { layers: UnitLayer[]; head: TaskHead } {
  const added = part.layers.map(({ units }, l) => units - selected[l]!.length);
  const wide = widened(layers, added);
  const choice = selected.map((units, l) => [
    ...units,
    ...firstUnits(added[l]!).map((n) => layers[l]!.units + n),
  ]);
  writePart(wide, choice, part.layers);
  return { layers: wide, head: headSpread(part.head, choice.at(-1)!, wide.at(-1)!.units) };
}
