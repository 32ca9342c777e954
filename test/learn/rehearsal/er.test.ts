import { describe, expect, it } from 'vitest';
import { ExperienceReplay } from '../../../src/learn/rehearsal/er.js';
import { Random } from '../../../src/random.js';

const er = new ExperienceReplay();
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('experience replay', () => {
  // 0..9 fresh, 10..99 memory: class 0 has 85 of them, class 1 five.
  const labels = range(0, 100).map((i) => (i >= 95 ? 1 : 0));
  const batches = Array.from({ length: 40 }, (_, s) =>
    er.epoch(range(0, 10), range(10, 100), labels, 8, new Random(s)),
  ).flat();

  it('fills half of every batch from the memory', () => {
    for (const b of batches) {
      const recalled = b.filter((i) => i >= 10).length;
      expect(recalled).toBe(4);
      expect(b.length - recalled).toBeLessThanOrEqual(4);
    }
  });

  it('shows every fresh sample once an epoch', () => {
    const epoch = er.epoch(range(0, 10), range(10, 100), labels, 8, new Random(1)).flat();
    expect(epoch.filter((i) => i < 10).sort((a, b) => a - b)).toEqual(range(0, 10));
  });

  it('draws classes from the memory equally, however unequal they are', () => {
    const recalled = batches.flat().filter((i) => i >= 10);
    const rare = recalled.filter((i) => labels[i] === 1).length / recalled.length;
    expect(rare).toBeGreaterThan(0.42);
    expect(rare).toBeLessThan(0.58);
  });

  it('shows the memory once where nothing is fresh, and the fresh ones where nothing is remembered', () => {
    expect(
      er
        .epoch([], range(0, 20), labels, 8, new Random(1))
        .flat()
        .sort((a, b) => a - b),
    ).toEqual(range(0, 20));
    expect(er.epoch(range(0, 20), [], labels, 8, new Random(1)).map((b) => b.length)).toEqual([8, 8, 4]);
  });

  it('repeats with its seed', () => {
    const once = () => er.epoch(range(0, 10), range(10, 100), labels, 8, new Random(3));
    expect(once()).toEqual(once());
  });
});
