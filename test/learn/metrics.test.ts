import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { continualMetrics } from '../../src/learn/metrics.js';

/** Three tasks, worked out by hand. */
const MATRIX = [
  [0.9, 0.2, 0.1],
  [0.7, 0.8, 0.3],
  [0.8, 0.5, 0.7],
];

describe('continual metrics', () => {
  it('are those of a matrix worked out by hand', () => {
    const m = continualMetrics(MATRIX, { untrained: [0.1, 0.1, 0.1], joint: [0.95, 0.9, 0.9] });
    expect(m.acc).toBeCloseTo((0.8 + 0.5 + 0.7) / 3, 12);
    expect(m.bwt).toBeCloseTo((0.8 - 0.9 + 0.5 - 0.8) / 2, 12);
    expect(m.fwt).toBeCloseTo((0.2 - 0.1 + 0.3 - 0.1) / 2, 12);
    expect(m.learningAccuracy).toBeCloseTo((0.9 + 0.8 + 0.7) / 3, 12);
    // From each task's best before the end, not from when it was learned: they differ where a task got better.
    expect(m.forgetting).toBeCloseTo((0.9 - 0.8 + 0.8 - 0.5) / 2, 12);
    expect(m.intransigence).toBeCloseTo((0.05 + 0.1 + 0.2) / 3, 12);
  });

  it('take the best of later rows for forgetting', () => {
    const better = [
      [0.5, 0, 0],
      [0.9, 0.8, 0],
      [0.6, 0.8, 0.7],
    ];
    expect(continualMetrics(better).forgetting).toBeCloseTo((0.3 + 0) / 2, 12);
    expect(continualMetrics(better).bwt).toBeCloseTo((0.1 + 0) / 2, 12);
  });

  it('say nothing of what was not measured', () => {
    const lower = MATRIX.map((row, i) => row.map((a, j) => (j > i ? Number.NaN : a)));
    expect(continualMetrics(lower, { untrained: [0.1, 0.1, 0.1] }).fwt).toBeNull();
    expect(continualMetrics(MATRIX).fwt).toBeNull();
    expect(continualMetrics(MATRIX).intransigence).toBeNull();
    expect(continualMetrics([[0.5]], { untrained: [0.1] })).toMatchObject({
      acc: 0.5,
      bwt: 0,
      forgetting: 0,
      fwt: null,
    });
  });

  it('find no forgetting and no transfer where nothing changes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }),
        (row) => {
          const m = continualMetrics(row.map(() => row));
          expect(m.bwt).toBe(0);
          expect(m.forgetting).toBe(0);
          expect(m.acc).toBeCloseTo(m.learningAccuracy, 12);
        },
      ),
    );
  });

  it.each([
    ['is empty', []],
    ['has 2 rows, but row 1 has 1 columns', [[1, 1], [1]]],
    [
      'lacks the accuracy on task 0 after it was learned',
      [
        [Number.NaN, 1],
        [1, 1],
      ],
    ],
    [
      'lacks the accuracy on task 0 after the last',
      [
        [1, 1],
        [Number.NaN, 1],
      ],
    ],
  ])('refuse a matrix that %s', (what, matrix) => {
    expect(() => continualMetrics(matrix)).toThrow(what);
  });
});
