import { describe, expect, it } from 'vitest';
import { auroc } from '../../src/learn/auroc.js';

const rows = (scores: number[][]) => ({
  data: Float32Array.from(scores.flat()),
  count: scores.length,
  width: scores[0]!.length,
});

describe('the area under the ROC curve', () => {
  it('is the share of pairs in the right order, ties counted half', () => {
    // Class 1's samples score 0.9 and 0.4, the others 0.5, 0.4 and 0.1: 3 + 1 + 0.5 of 6 pairs.
    const found = auroc(
      rows([
        [0.1, 0.9],
        [0.6, 0.4],
        [0.5, 0.5],
        [0.6, 0.4],
        [0.9, 0.1],
      ]),
      [1, 1, 0, 0, 0],
      [1],
    );
    expect(found).toBeCloseTo(4.5 / 6, 6);
  });

  it('is the mean over classes, without those that have no sample', () => {
    const scores = rows([
      [0.8, 0.1, 0.1],
      [0.2, 0.7, 0.1],
    ]);
    expect(auroc(scores, [0, 1], [0, 1, 2])).toBe(1);
    expect(auroc(scores, [1, 0], [0, 1, 2])).toBe(0);
    expect(auroc(scores, [0, 0], [0, 1])).toBeNaN();
  });
});
