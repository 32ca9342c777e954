import { describe, expect, it } from 'vitest';
import { openMethod } from '../../../src/learn/sequence/methods.js';
import { type LearningRateSchedule, linearDecay, stepDecay } from '../../../src/learn/sequence/schedule.js';
import { ENGINE, learnAll, OPTIONS, permutations, smallMlp } from './small.js';

const learned = (rate: number, schedule?: LearningRateSchedule) =>
  openMethod('naive', {
    engine: ENGINE,
    crown: smallMlp(),
    options: { ...OPTIONS, rate, ...(schedule && { schedule }) },
    settings: {},
  });

describe('the learning rate’s schedule in a network that tasks share', () => {
  it('a factor of a half throughout is half the rate, bit for bit', async () => {
    const tasks = permutations(2);
    const half = await learnAll(await learned(0.1, () => 0.5), tasks);
    expect(half).toEqual(await learnAll(await learned(0.05), tasks));
    expect(half).not.toEqual(await learnAll(await learned(0.1), tasks));
  });

  it('is asked for the share of every step of every task', async () => {
    const shares: number[] = [];
    await learnAll(
      await learned(0.1, (share) => {
        shares.push(share);
        return 1;
      }),
      permutations(2),
    );
    // 400 pictures in batches of 10, two epochs, two tasks.
    const each = Array.from({ length: 80 }, (_, step) => step / 80);
    expect(shares).toEqual([...each, ...each]);
  });

  it('linear and step decay', () => {
    expect([0, 0.25, 0.75].map(linearDecay)).toEqual([1, 0.75, 0.25]);
    expect([0, 0.69, 0.7, 0.99].map(stepDecay)).toEqual([1, 1, 0.1, 0.1]);
  });
});
