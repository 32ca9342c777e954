import { readMnist } from '../../../bench/continual/mnist.js';
import { inOrder, permuted, samplesOf } from '../../../bench/continual/tasks.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import { Random } from '../../../src/random.js';

const PIXELS = 784;
const first = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** Permuted MNIST with few pictures, other ones in each task, and a head for each task. */
export function permutedTasks(count: number, train: number, test: number, seed = 5): SequenceTask[] {
  const random = new Random(seed);
  const [training, testing] = [readMnist('train'), readMnist('test')];
  return first(0, count).map((t) => {
    const gather = t === 0 ? inOrder(PIXELS) : permuted(PIXELS, random);
    const labelOf = (digit: number) => digit + 10 * t;
    return {
      name: `task ${t + 1}`,
      train: samplesOf(training, { indices: first(t * train, train), gather, labelOf }),
      test: samplesOf(testing, { indices: first(0, test), gather, labelOf }),
      classes: first(10 * t, 10),
    };
  });
}

/** Two digits a task, with few pictures. */
export function splitTasks(count: number, train: number, test: number): SequenceTask[] {
  const [training, testing] = [readMnist('train'), readMnist('test')];
  return first(0, count).map((t) => {
    const classes = [2 * t, 2 * t + 1];
    const of = (pictures: typeof training, most: number) => ({
      indices: [...pictures.labels.keys()]
        .filter((i) => classes.includes(pictures.labels[i]!))
        .slice(0, most),
      gather: inOrder(PIXELS),
    });
    return {
      name: classes.join(' or '),
      train: samplesOf(training, of(training, train)),
      test: samplesOf(testing, of(testing, test)),
      classes,
    };
  });
}
