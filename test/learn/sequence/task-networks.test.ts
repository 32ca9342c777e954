import { describe, expect, it } from 'vitest';
import { convNet } from '../../../bench/continual/networks.js';
import { METHOD_NAMES, openMethod } from '../../../src/learn/sequence/methods.js';
import { ENGINE, learnAll, OPTIONS, pairs, permutations, smallMlp } from './small.js';

const OWN = { ...OPTIONS, taskKnown: true, optimizer: 'adam' as const, rate: 2e-3, epochs: 3 };

describe('networks for each task', () => {
  it('answer as before, bit for bit, after later tasks', async () => {
    for (const name of ['piggyback', 'pnn', 'separate', 'linear-head']) {
      const learner = await openMethod(name, {
        engine: ENGINE,
        crown: smallMlp(),
        options: OWN,
        settings: {},
      });
      const tasks = permutations(3);
      await learner.learn(tasks[0]!);
      await learner.learn(tasks[1]!);
      const before = await Promise.all([0, 1].map((t) => learner.probabilities(tasks[t]!.test, t)));
      await learner.learn(tasks[2]!);
      for (const t of [0, 1])
        expect((await learner.probabilities(tasks[t]!.test, t)).data).toEqual(before[t]!.data);
      await learner.close();
    }
  }, 300_000);

  it('take a convolutional network', async () => {
    for (const method of ['piggyback', 'pnn']) {
      const learner = await openMethod(method, {
        engine: ENGINE,
        crown: convNet(28, 1),
        options: OWN,
        // So few steps are not enough to go on after the rate has fallen.
        settings: { stepDecay: false },
      });
      expect(Math.min(...(await learnAll(learner, pairs(3), true)))).toBeGreaterThan(0.85);
    }
  }, 300_000);

  it('must be told the task', async () => {
    const learner = await openMethod('piggyback', {
      engine: ENGINE,
      crown: smallMlp(),
      options: OWN,
      settings: {},
    });
    const [task] = permutations(1, 60);
    await learner.learn(task!);
    await expect(learner.probabilities(task!.test)).rejects.toMatchObject({ code: 'method-needs-task' });
    await expect(learner.probabilities(task!.test, 1)).rejects.toThrow(/tasks 0 to 0/);
    await learner.close();
  }, 60_000);
});

describe('methods', () => {
  it('are refused by an unknown name, with the known ones', async () => {
    const context = { engine: ENGINE, crown: smallMlp(), options: OWN, settings: {} };
    await expect(async () => openMethod('toString', context)).rejects.toThrow(METHOD_NAMES.join(', '));
  });

  it('refuse a task without samples, and a learning rate that makes the loss infinite', async () => {
    const [task] = permutations(1, 60);
    const empty = { ...task!, train: { ...task!.train, count: 0, labels: [] } };
    const open = (rate: number) =>
      openMethod('naive', {
        engine: ENGINE,
        crown: smallMlp(),
        options: { ...OPTIONS, rate },
        settings: {},
      });
    const learner = await open(0.1);
    await expect(learner.learn(empty)).rejects.toMatchObject({ code: 'learn-no-samples' });
    await learner.close();
    const wild = await open(1e30);
    await expect(wild.learn(task!)).rejects.toMatchObject({ code: 'learn-diverged' });
    await wild.close();
  }, 60_000);
});
