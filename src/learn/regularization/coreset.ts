import type { Random } from '../../random.js';
import type { Samples } from '../samples.js';

/** How a coreset is chosen. */
export type CoresetSelection = 'random' | 'k-center';

/**
 * Chooses some samples that stand for all.
 * @param selection `random`, or `k-center`: the greedy algorithm of Gonzalez 1985 on the inputs' Euclidean distance,
 *   which after a first random sample always takes the one that is farthest from all taken
 * @returns indices of the chosen samples and of the others
 */
export function chooseCoreset(
  samples: Samples,
  size: number,
  selection: CoresetSelection,
  random: Random,
): { chosen: number[]; others: number[] } {
  const all = Array.from({ length: samples.count }, (_, i) => i);
  const most = Math.min(size, samples.count);
  const chosen =
    selection === 'random' ? random.shuffle([...all]).slice(0, most) : centers(samples, most, random);
  const taken = new Set(chosen);
  return { chosen, others: all.filter((i) => !taken.has(i)) };
}

function centers(samples: Samples, size: number, random: Random): number[] {
  const { count, width } = samples;
  const distance = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const [center, other] = [new Float32Array(width), new Float32Array(width)];
  const chosen: number[] = [];
  let next = random.int(count);
  while (chosen.length < size) {
    chosen.push(next);
    samples.read(next, center, 0);
    // A sample that is taken is never taken again, not even where all that is left are copies.
    distance[next] = -1;
    let farthest = next;
    for (let i = 0; i < count; i++) {
      if (distance[i]! < 0) continue;
      samples.read(i, other, 0);
      let square = 0;
      for (let k = 0; k < width; k++) square += (other[k]! - center[k]!) ** 2;
      if (square < distance[i]!) distance[i] = square;
      if (distance[i]! > distance[farthest]!) farthest = i;
    }
    next = farthest;
  }
  return chosen;
}
