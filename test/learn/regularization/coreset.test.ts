import { describe, expect, it } from 'vitest';
import { chooseCoreset } from '../../../src/learn/regularization/coreset.js';
import type { Samples } from '../../../src/learn/samples.js';
import { Random } from '../../../src/random.js';

const points = (values: number[][]): Samples => ({
  count: values.length,
  width: values[0]!.length,
  labels: values.map(() => 0),
  read: (index, into, offset) => into.set(values[index]!, offset),
});

describe('choosing a coreset', () => {
  const random = new Random(2);
  // Three crowds of 30 points each, far apart.
  const crowds = points(
    Array.from({ length: 90 }, (_, i) => [100 * (i % 3) + random.normal(), random.normal()]),
  );

  it('k-center takes one point of every crowd before a second of any', () => {
    for (let seed = 0; seed < 10; seed++) {
      const { chosen } = chooseCoreset(crowds, 3, 'k-center', new Random(seed));
      expect(chosen.map((i) => i % 3).sort()).toEqual([0, 1, 2]);
    }
  });

  it('k-center covers better than random does', () => {
    const radius = (chosen: number[]) => {
      const at = (i: number) => {
        const p = new Float32Array(2);
        crowds.read(i, p, 0);
        return p;
      };
      return Math.max(
        ...Array.from({ length: 90 }, (_, i) =>
          Math.min(...chosen.map((c) => Math.hypot(at(i)[0]! - at(c)[0]!, at(i)[1]! - at(c)[1]!))),
        ),
      );
    };
    for (let seed = 0; seed < 5; seed++) {
      const greedy = radius(chooseCoreset(crowds, 6, 'k-center', new Random(seed)).chosen);
      expect(greedy).toBeLessThan(radius(chooseCoreset(crowds, 6, 'random', new Random(seed)).chosen));
    }
  });

  it('parts the samples: none is in both parts, none is lost, not even among copies', () => {
    for (const selection of ['random', 'k-center'] as const) {
      for (const samples of [crowds, points(Array.from({ length: 20 }, () => [1, 2]))]) {
        const { chosen, others } = chooseCoreset(samples, 7, selection, new Random(1));
        expect(chosen).toHaveLength(7);
        expect([...chosen, ...others].sort((a, b) => a - b)).toEqual(
          Array.from({ length: samples.count }, (_, i) => i),
        );
      }
    }
  });

  it('takes all where it is to take more than there are', () => {
    expect(chooseCoreset(crowds, 200, 'k-center', new Random(1)).others).toEqual([]);
  });

  it('repeats with its seed', () => {
    const once = () => chooseCoreset(crowds, 5, 'random', new Random(4));
    expect(once()).toEqual(once());
  });
});
