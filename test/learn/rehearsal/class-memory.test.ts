import { describe, expect, it } from 'vitest';
import { ClassMemory } from '../../../src/learn/rehearsal/class-memory.js';
import type { Remembered } from '../../../src/learn/sequence/episodic-memory.js';
import { GreedyBalance } from '../../../src/learn/sequence/greedy-balance.js';
import { Random } from '../../../src/random.js';

const sample = (task: number, label: number, index: number): Remembered => ({ task, label, index });

/** How many samples of each class of each task. */
function counts(entries: readonly Remembered[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { task, label } of entries) found[`${task}/${label}`] = (found[`${task}/${label}`] ?? 0) + 1;
  return found;
}

describe('a ring for each class', () => {
  it('keeps the last samples of each class, and gives up room when classes come', () => {
    const memory = new ClassMemory(12);
    for (let i = 0; i < 50; i++) memory.offer(sample(0, i % 2, i));
    expect(counts(memory.entries)).toEqual({ '0/0': 6, '0/1': 6 });
    expect(memory.entries.map((e) => e.index).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, i) => 38 + i),
    );
    for (let i = 0; i < 30; i++) memory.offer(sample(1, i % 2, i));
    expect(counts(memory.entries)).toEqual({ '0/0': 3, '0/1': 3, '1/0': 3, '1/1': 3 });
  });

  it('never holds more than its room, not even with more classes than that', () => {
    const memory = new ClassMemory(5);
    for (let i = 0; i < 100; i++) {
      memory.offer(sample(0, i % 9, i));
      expect(memory.entries.length).toBeLessThanOrEqual(5);
    }
    expect(memory.entries).toHaveLength(5);
  });
});

describe('the greedy balanced memory', () => {
  it('ends equally full however unequal the classes are, and holds a random choice of each', () => {
    const memory = new GreedyBalance(30, new Random(1));
    for (let i = 0; i < 900; i++) memory.offer(sample(0, 0, i));
    expect(memory.entries).toHaveLength(30);
    for (let i = 0; i < 12; i++) memory.offer(sample(0, 1, i));
    for (let i = 0; i < 10; i++) memory.offer(sample(1, 0, i));
    expect(counts(memory.entries)).toEqual({ '0/0': 10, '0/1': 10, '1/0': 10 });
  });

  it('is never over its room, and repeats with its seed', () => {
    const once = () => {
      const memory = new GreedyBalance(7, new Random(3));
      for (let i = 0; i < 200; i++) {
        memory.offer(sample(Math.floor(i / 50), i % 3, i));
        expect(memory.entries.length).toBeLessThanOrEqual(7);
      }
      return [...memory.entries];
    };
    expect(once()).toEqual(once());
  });
});
