import { readMnist } from '../../../bench/continual/mnist.js';
import { inOrder, permuted, samplesOf } from '../../../bench/continual/tasks.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import { Random } from '../../../src/random.js';

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** Every second pixel of every second line. */
const HALVED = Int16Array.from(
  { length: PIXELS / 4 },
  (_, i) => 2 * SIDE * Math.floor(i / (SIDE / 2)) + 2 * (i % (SIDE / 2)),
);

/**
 * Real pictures of digits: two digits a task, the first so many pictures of them.
 * @param halved whether the pictures are of half the side
 */
export function digitPairs(tasks: number, train: number, test: number, halved = false): SequenceTask[] {
  const [training, testing] = [readMnist('train'), readMnist('test')];
  return Array.from({ length: tasks }, (_, t) => {
    const classes = [2 * t, 2 * t + 1];
    const part = (pictures: typeof training, count: number) => {
      const all = Array.from({ length: pictures.count }, (_, i) => i);
      const indices = all.filter((i) => classes.includes(pictures.labels[i]!)).slice(0, count);
      return samplesOf(pictures, { indices, gather: halved ? HALVED : inOrder(PIXELS) });
    };
    return { name: classes.join(' or '), train: part(training, train), test: part(testing, test), classes };
  });
}

/** Real pictures of digits with their pixels in another order in each task but the first. */
export function permutedDigits(tasks: number, train: number, test: number): SequenceTask[] {
  const random = new Random(77);
  const [training, testing] = [readMnist('train'), readMnist('test')];
  const first = (count: number) => Array.from({ length: count }, (_, i) => i);
  return first(tasks).map((t) => {
    const gather = t === 0 ? inOrder(PIXELS) : permuted(PIXELS, random);
    return {
      name: `permutation ${t}`,
      train: samplesOf(training, { indices: first(train), gather }),
      test: samplesOf(testing, { indices: first(test), gather }),
      classes: first(10),
    };
  });
}
