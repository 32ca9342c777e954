import { describe, expect, it } from 'vitest';
import { mlp } from '../../../bench/continual/networks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { NoRegularization } from '../../../src/learn/regularization/none.js';
import { EpisodicReplay } from '../../../src/learn/rehearsal/episodic-replay.js';
import { MeanOfFeatures } from '../../../src/learn/rehearsal/mean-of-features.js';
import {
  accuracyOf,
  type ContinualLearner,
  type SequenceOptions,
} from '../../../src/learn/sequence/continual-learner.js';
import { Reservoir } from '../../../src/learn/sequence/episodic-memory.js';
import { openMethod } from '../../../src/learn/sequence/methods.js';
import type { MethodSettings } from '../../../src/learn/sequence/settings.js';
import { SharedFeatures } from '../../../src/learn/sequence/shared-features.js';
import { SharedNetwork } from '../../../src/learn/sequence/shared-network.js';
import { Random } from '../../../src/random.js';
import { digitPairs, PIXELS } from '../sequence/mnist-tasks.js';

const OPTIONS: SequenceOptions = {
  ...{ classes: 10, taskKnown: false, epochs: 1, batch: 10, optimizer: 'sgd', rate: 0.1, seed: 1 },
  threads: 1,
};

const tasks = () => digitPairs(3, 600, 300);

/** Learns class-incrementally; mean accuracy over the tasks. */
async function accuracy(settings: MethodSettings, method = 'er', use?: (l: ContinualLearner) => void) {
  const crown = mlp(PIXELS, [60], 1);
  const learner = await openMethod(method, { engine: new OrtEngine(), crown, options: OPTIONS, settings });
  try {
    for (const task of tasks()) await learner.learn(task);
    use?.(learner);
    let sum = 0;
    for (const { test } of tasks()) sum += accuracyOf(await learner.probabilities(test), test.labels);
    return sum / tasks().length;
  } finally {
    await learner.close();
  }
}

describe('experience replay', () => {
  it.each(['reservoir', 'balanced', 'ring', 'mean-of-features'] as const)(
    'with a memory of kind %s remembers what training without it forgets, and repeats to the bit',
    async (memory) => {
      const settings = { memory: 90, er: { memory } };
      const with90 = await accuracy(settings, 'er', (l) => {
        const { memory: bytes } = l.holdings();
        expect(bytes).toBe(4 * PIXELS * 90);
      });
      const without = await accuracy({}, 'naive');
      expect(without).toBeLessThan(0.4);
      expect(with90).toBeGreaterThan(0.7);
      expect(await accuracy(settings)).toBe(with90);
    },
  );

  it('can recall earlier tasks only', async () => {
    const random = new Random(3);
    const replay = (earlierOnly: boolean) => {
      const made = new EpisodicReplay(new Reservoir(6, random), 4, { earlierOnly });
      for (let index = 0; index < 6; index++) made.offer({ task: index % 2, index, label: 0 });
      return made;
    };
    const tasksOf = (of: EpisodicReplay, task: number) =>
      new Set(of.recall(task, random)[0]!.map((r) => r.task));
    expect(tasksOf(replay(true), 1)).toEqual(new Set([0]));
    expect(replay(true).recall(1, random)[0]).toHaveLength(3);
    expect(replay(true).recall(0, random)[0]).toHaveLength(0);
    expect(tasksOf(replay(false), 1)).toEqual(new Set([0, 1]));
    expect(await accuracy({ memory: 90, er: { memory: 'balanced', earlierOnly: true } })).toBeGreaterThan(
      0.7,
    );
  });

  it('can let new samples compete with each other only', async () => {
    const found = await accuracy({ memory: 90, er: { memory: 'balanced', apart: true } });
    expect(found).toBeGreaterThan(0.7);
  });
});

describe('the mean of features', () => {
  it('keeps samples that lie nearer to their class’s mean than samples do by chance', async () => {
    const memory = new MeanOfFeatures(20);
    const axes = {
      isolation: new FineTuning(OPTIONS.rate),
      regularization: new NoRegularization(),
      rehearsal: new EpisodicReplay(memory, 10),
    };
    const network = await SharedNetwork.open(new OrtEngine(), mlp(PIXELS, [60], 1), axes, OPTIONS);
    try {
      const [task] = tasks();
      await network.learn(task!);
      const features = await SharedFeatures.open(network);
      const all = Array.from({ length: task!.train.count }, (_, index) => index);
      const samplesOf = (indices: readonly number[]) =>
        indices.map((index) => ({ samples: task!.train, index, label: task!.train.labels[index]! }));
      const { data, width } = await features.of(samplesOf(all), network.values());
      await features.close();
      for (const label of task!.classes) {
        const members = all.filter((i) => task!.train.labels[i] === label);
        const mean = new Float64Array(width);
        for (const i of members)
          for (let k = 0; k < width; k++) mean[k]! += data[i * width + k]! / members.length;
        const apart = (i: number) => mean.reduce((s, m, k) => s + (data[i * width + k]! - m) ** 2, 0);
        const average = (of: readonly number[]) => of.reduce((s, i) => s + apart(i), 0) / of.length;
        const kept = memory.entries.filter((e) => e.label === label).map((e) => e.index);
        expect(kept).toHaveLength(10);
        expect(average(kept)).toBeLessThan(0.6 * average(members));
      }
      expect(network.holdings().state).toBe(4 * (20 + 2) * width);
    } finally {
      await network.close();
    }
  });
});
