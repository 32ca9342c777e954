import { expect, test } from 'vitest';
import { historyLines } from '../../../src/label/page/task/history-lines.js';

test('a training’s two measurements are at one time, the times rise, and what was not measured is left out', () => {
  expect(
    historyLines([
      { at: 300, accuracy: 0.9, version: 2, samples: 60 },
      { at: 100, accuracy: 0.6, version: 'instant', samples: 20 },
      { at: 200, accuracy: 0.7, version: 'instant', samples: 40 },
      { at: 200, accuracy: 0.8, version: 1, samples: 40 },
    ]),
  ).toEqual({ at: [100, 200, 300], trained: [null, 0.8, 0.9], instant: [0.6, 0.7, null] });
  expect(historyLines([])).toEqual({ at: [], trained: [], instant: [] });
});
