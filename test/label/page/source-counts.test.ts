import { expect, test } from 'vitest';
import { countsOf } from '../../../src/label/page/live/source-counts.js';

const none = { frames: 0, delivered: 0, duplicates: 0, blurred: 0, dropped: 0, bad: 0 };

test('of a source is said what came and what was looked at, and why others were not, where some were not', () => {
  expect(countsOf(none)).toEqual([
    ['frames', 0],
    ['delivered', 0],
  ]);
  const some = { ...none, frames: 1204, delivered: 87, duplicates: 300, dropped: 8 };
  expect(countsOf(some)).toEqual([
    ['frames', 1204],
    ['delivered', 87],
    ['duplicates', 300],
    ['dropped', 8],
  ]);
  expect(countsOf({ ...some, blurred: 5, bad: 1 }).map(([count]) => count)).toEqual([
    ...['frames', 'delivered', 'duplicates', 'blurred', 'dropped', 'bad'],
  ]);
});
