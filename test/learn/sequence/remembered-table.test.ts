import { expect, it } from 'vitest';
import type { Samples } from '../../../src/learn/samples.js';
import type { Remembered } from '../../../src/learn/sequence/episodic-memory.js';
import { RememberedTable, tableOf } from '../../../src/learn/sequence/remembered-table.js';

const ROWS = 3;
const shape = { of: 'memory', rows: ROWS, shape: [2], classes: 4, masked: false };
const all = Array.from({ length: 20 }, (_, index): Remembered => ({ task: 0, index, label: index % 4 }));

function reading() {
  const reads: number[] = [];
  const samples: Samples = {
    count: 20,
    width: 2,
    labels: all.map((r) => r.label),
    read: (index, into, offset) => {
      reads.push(index);
      into.set([index, index + 0.5], offset);
    },
  };
  return { reads, sampleOf: ({ index, label }: Remembered) => ({ samples, index, label }) };
}

it('has every sample that was asked for, read once, with its target, however the table grew', () => {
  const { reads, sampleOf } = reading();
  const table = new RememberedTable(shape);
  const steps = Array.from({ length: 30 }, (_, s) => [0, 1, 2].map((k) => all[(7 * s + 3 * k) % 20]!));
  const asked = steps.map((recalled) => ({ recalled, rows: table.rowsOf(recalled, sampleOf) }));
  const tables = table.tables();
  const [x, targets] = ['x', 'targets'].map((kind) => tables[tableOf(`memory:${kind}`)]!);
  for (const { recalled, rows } of asked) {
    recalled.forEach(({ index, label }, i) => {
      const row = rows[i]!;
      expect([...x!.data.subarray(2 * row, 2 * row + 2)]).toEqual([index, index + 0.5]);
      const target = [0, 1, 2, 3].map((c) => (c === label ? 1 : 0));
      expect([...targets!.data.subarray(4 * row, 4 * row + 4)]).toEqual(target);
    });
  }
  expect(reads.toSorted((a, b) => a - b)).toEqual(all.map((r) => r.index));
});

it('gives rows that stay empty an entry without a target, and the others more weight', () => {
  const table = new RememberedTable(shape);
  const rows = table.rowsOf(all.slice(0, 2), reading().sampleOf);
  const { data } = table.tables()[tableOf('memory:targets')]!;
  const weights = [...rows].map((row) => data.subarray(4 * row, 4 * row + 4).reduce((s, v) => s + v, 0));
  expect(weights).toEqual([ROWS / 2, ROWS / 2, 0]);
});
