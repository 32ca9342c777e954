import { expect, it } from 'vitest';
import { readFashion } from '../../bench/continual/fashion.js';

it('Fashion-MNIST is read whole: 6,000 pictures of a class to train on, 1,000 others to test on', () => {
  const [train, test] = [readFashion('train'), readFashion('test')];
  expect([train.count, test.count, train.rows, train.columns]).toEqual([60_000, 10_000, 28, 28]);
  expect(test.labels.filter((l) => l === 9)).toHaveLength(1000);
  // The pictures' own mean and deviation, as they are known: 0.2860 and 0.3530.
  const mean = train.pixels.reduce((sum, p) => sum + p, 0) / train.pixels.length / 255;
  const square = train.pixels.reduce((sum, p) => sum + p * p, 0) / train.pixels.length / 255 ** 2;
  expect(mean).toBeCloseTo(0.286, 2);
  expect(Math.sqrt(square - mean * mean)).toBeCloseTo(0.353, 2);
});
