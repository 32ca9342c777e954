import { readMnist } from '../../../bench/continual/mnist.js';
import { mlp } from '../../../bench/continual/networks.js';
import { inOrder, permuted, samplesOf } from '../../../bench/continual/tasks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import {
  accuracyOf,
  type ContinualLearner,
  type SequenceOptions,
} from '../../../src/learn/sequence/continual-learner.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import { Random } from '../../../src/random.js';

export const ENGINE = new OrtEngine();
export const PIXELS = 784;

/** A training that is short and forgets. */
export const OPTIONS: SequenceOptions = {
  classes: 10,
  taskKnown: false,
  epochs: 2,
  batch: 10,
  optimizer: 'sgd',
  rate: 0.1,
  seed: 1,
  threads: 1,
};

export const smallMlp = (seed = 1, hidden: readonly number[] = [32]) => mlp(PIXELS, hidden, seed);

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** Permutations of real digits: each task has training pictures of its own, and 300 test pictures. */
export function permutations(count: number, train = 400, seed = 5): SequenceTask[] {
  const random = new Random(seed);
  const [training, testing] = [readMnist('train'), readMnist('test')];
  return range(0, count).map((t) => {
    const gather = t === 0 ? inOrder(PIXELS) : permuted(PIXELS, random);
    return {
      name: `permutation ${t}`,
      train: samplesOf(training, { indices: range(t * train, train), gather }),
      test: samplesOf(testing, { indices: range(0, 300), gather }),
      classes: range(0, 10),
    };
  });
}

/** Two digits a task. */
export function pairs(count: number, train = 200): SequenceTask[] {
  const [training, testing] = [readMnist('train'), readMnist('test')];
  const gather = inOrder(PIXELS);
  return range(0, count).map((t) => {
    const classes = [2 * t, 2 * t + 1];
    const of = (pictures: typeof training, most: number) =>
      range(0, pictures.count)
        .filter((i) => classes.includes(pictures.labels[i]!))
        .slice(0, most);
    return {
      name: classes.join(' or '),
      train: samplesOf(training, { indices: of(training, train), gather }),
      test: samplesOf(testing, { indices: of(testing, 200), gather }),
      classes,
    };
  });
}

/** Learns all tasks and returns the accuracy on each in the end; closes the learner. */
export async function learnAll(
  learner: ContinualLearner,
  tasks: readonly SequenceTask[],
  taskKnown = false,
): Promise<number[]> {
  try {
    for (const task of tasks) await learner.learn(task);
    const found: number[] = [];
    for (const [j, { test }] of tasks.entries()) {
      found.push(accuracyOf(await learner.probabilities(test, taskKnown ? j : undefined), test.labels));
    }
    return found;
  } finally {
    await learner.close();
  }
}

export const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** For every task the figures of its layers, as the learner reports them. */
export const layersOf = (learner: ContinualLearner): Map<string, Record<string, number>>[] =>
  (learner.reports?.() ?? []).map(
    (report) => new Map(Object.entries((report?.layers ?? {}) as Record<string, Record<string, number>>)),
  );
