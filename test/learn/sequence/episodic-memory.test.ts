import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawWithoutDoubles, Reservoir, Rings } from '../../../src/learn/sequence/episodic-memory.js';
import { Random } from '../../../src/random.js';

const sample = (index: number, task = 0) => ({ task, index, label: index % 3 });

describe('a reservoir', () => {
  it('holds every sample seen with the same chance', () => {
    const [seen, capacity, rounds] = [60, 12, 4000];
    const times = new Array<number>(seen).fill(0);
    const random = new Random(3);
    for (let round = 0; round < rounds; round++) {
      const memory = new Reservoir(capacity, random);
      for (let i = 0; i < seen; i++) memory.offer(sample(i));
      for (const { index } of memory.entries) times[index]!++;
    }
    // Five standard deviations of a binomial count.
    const expected = (rounds * capacity) / seen;
    const bound = 5 * Math.sqrt(expected * (1 - capacity / seen));
    for (const count of times) expect(Math.abs(count - expected)).toBeLessThan(bound);
  });

  it('is never larger than its capacity and never holds a sample twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 80 }), (capacity, seen) => {
        const memory = new Reservoir(capacity, new Random(seen));
        for (let i = 0; i < seen; i++) memory.offer(sample(i));
        const indices = memory.entries.map((e) => e.index);
        expect(indices.length).toBe(Math.min(capacity, seen));
        expect(new Set(indices).size).toBe(indices.length);
      }),
    );
  });
});

describe('rings', () => {
  it('hold the last samples of each group, also after they were made smaller', () => {
    const rings = new Rings(3, ({ task }) => task);
    for (let i = 0; i < 5; i++) for (const task of [0, 1]) rings.offer(sample(i, task));
    expect(rings.of(0).map((e) => e.index)).toEqual([2, 3, 4]);
    rings.shrink(2);
    expect(rings.of(1).map((e) => e.index)).toEqual([3, 4]);
    rings.offer(sample(9, 1));
    expect(rings.of(1).map((e) => e.index)).toEqual([4, 9]);
    expect(rings.entries.length).toBe(4);
  });
});

describe('a draw without doubles', () => {
  it('has as many different entries as were asked for, or all', () => {
    const entries = Array.from({ length: 30 }, (_, i) => i);
    const drawn = drawWithoutDoubles(entries, 12, new Random(1));
    expect(new Set(drawn).size).toBe(12);
    expect(drawWithoutDoubles(entries, 40, new Random(1))).toEqual(entries);
  });
});
