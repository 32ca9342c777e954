import { describe, expect, it } from 'vitest';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import {
  accuracyOf,
  type ContinualLearner,
  type SequenceOptions,
} from '../../../src/learn/sequence/continual-learner.js';
import { Gdumb } from '../../../src/learn/sequence/gdumb.js';
import { openMethod } from '../../../src/learn/sequence/methods.js';
import type { MethodSettings } from '../../../src/learn/sequence/settings.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { errorOf, rejectionOf } from '../../error-of.js';
import { digitPairs, PIXELS, permutedDigits, SIDE } from './mnist-tasks.js';

const OPTIONS: SequenceOptions = {
  ...{ classes: 10, taskKnown: false, epochs: 2, batch: 20, optimizer: 'adam', rate: 1e-3, seed: 1 },
  threads: 1,
};

async function learned<T>(
  method: string,
  tasks: readonly SequenceTask[],
  settings: MethodSettings,
  use: (accuracies: number[], learner: ContinualLearner) => T,
  { options = OPTIONS, crown = mlp(PIXELS, [60], 1) }: { options?: SequenceOptions; crown?: Crown } = {},
): Promise<T> {
  const learner = await openMethod(method, { engine: new OrtEngine(), crown, options, settings });
  try {
    for (const task of tasks) await learner.learn(task);
    const accuracies: number[] = [];
    for (const [i, { test }] of tasks.entries()) {
      const rows = await learner.probabilities(test, options.taskKnown ? i : undefined);
      for (let row = 0; row < rows.count; row += 50) {
        const sum = rows.data.slice(row * rows.width, (row + 1) * rows.width).reduce((a, b) => a + b, 0);
        expect(sum).toBeCloseTo(1, 4);
      }
      accuracies.push(accuracyOf(rows, test.labels));
    }
    return use(accuracies, learner);
  } finally {
    await learner.close();
  }
}

const known = { ...OPTIONS, taskKnown: true };
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('GDumb', () => {
  it('learns class by class from its memory alone: a smaller one teaches less', async () => {
    const tasks = digitPairs(3, 500, 300);
    const large = await learned('gdumb', tasks, { memory: 180 }, (all, learner) => {
      expect(learner.holdings().memory).toBe(4 * 180 * PIXELS);
      return mean(all);
    });
    expect(large).toBeGreaterThan(0.85);
    expect(await learned('gdumb', tasks, { memory: 6 }, mean)).toBeLessThan(large - 0.1);
  });

  it('keeps as many of every permutation, and answers all of them', async () => {
    const all = await learned('gdumb', permutedDigits(2, 600, 300), { memory: 400 }, (a) => a);
    expect(Math.min(...all)).toBeGreaterThan(0.65);
    expect(Math.abs(all[0]! - all[1]!)).toBeLessThan(0.15);
  });

  it('answers within a task where it is known, and repeats to the bit', async () => {
    const once = () =>
      learned('gdumb', digitPairs(2, 300, 200), { memory: 60 }, (a) => a, { options: known });
    const all = await once();
    expect(Math.min(...all)).toBeGreaterThan(0.9);
    expect(await once()).toEqual(all);
  });

  it('says what it cannot work with', async () => {
    const crown = mlp(PIXELS, [10], 1);
    expect(errorOf(() => new Gdumb(new OrtEngine(), crown, OPTIONS, { memory: 0 })).code).toBe(
      'gdumb-options',
    );
    const [task] = digitPairs(1, 10, 10);
    const empty = { ...task!, train: { ...task!.train, count: 0 } };
    const gdumb = new Gdumb(new OrtEngine(), crown, OPTIONS);
    expect((await rejectionOf(gdumb.learn(empty))).code).toBe('learn-no-samples');
  });
});

describe('closed forms on frozen features', () => {
  it('never forget: what tasks come later does not touch the classes before, where the task is known', async () => {
    const tasks = digitPairs(3, 500, 300);
    const settings = { backboneFromFirst: false, slda: { shrinkage: 0.1 } };
    const ncm = (count: number) =>
      learned('ncm', tasks.slice(0, count), settings, (a) => a[0]!, { options: known });
    expect(await ncm(3)).toBe(await ncm(1));
  });

  it('the discriminant tells classes apart better than the means alone, on the same features', async () => {
    const tasks = digitPairs(5, 500, 200);
    const settings = { backboneFromFirst: false, slda: { shrinkage: 0.1 } };
    const ncm = await learned('ncm', tasks, settings, (all, l) => {
      expect(l.holdings().state).toBe(0);
      return mean(all);
    });
    const slda = await learned('slda', tasks, settings, (all, l) => {
      expect(l.holdings().state).toBe((4 * 60 * 61) / 2);
      return mean(all);
    });
    expect(ncm).toBeGreaterThan(0.6);
    expect(slda).toBeGreaterThan(ncm + 0.05);
  });

  it('work on convolutions, from a first task that trains them', async () => {
    const tasks = digitPairs(2, 400, 200, true);
    const crown = convNet(SIDE / 2, 1);
    for (const method of ['ncm', 'slda']) {
      const all = await learned(method, tasks, { slda: { shrinkage: 0.1 } }, (a) => a, { crown });
      // One class in four by chance.
      expect(mean(all)).toBeGreaterThan(0.6);
    }
  });

  it('say that they want the task where they were told to expect it', async () => {
    const [task] = digitPairs(1, 50, 10);
    const context = { engine: new OrtEngine(), crown: mlp(PIXELS, [10], 1), options: known, settings: {} };
    const learner = await openMethod('ncm', context);
    await learner.learn(task!);
    expect((await rejectionOf(learner.probabilities(task!.test))).code).toBe('method-needs-task');
    await learner.close();
  });
});
