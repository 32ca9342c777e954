import { expect, test } from 'vitest';
import { median, summaryOf } from '../../bench/statistics.js';

test('mean, deviation and range of a few figures', () => {
  expect(summaryOf([2, 4, 9])).toEqual({
    mean: 5,
    deviation: Math.sqrt(13),
    lowest: 2,
    highest: 9,
    values: [2, 4, 9],
  });
  expect(summaryOf([3]).deviation).toBe(0);
});

test('the median of odd and even numbers of figures', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 9, 2])).toBe(3);
});
