import { joined, subset } from '../../src/learn/samples.js';
import type { SequenceTask } from '../../src/learn/sequence/task.js';
import { Random } from '../../src/random.js';
import { type Pictures, readMnist } from './mnist.js';
import { inOrder, permuted, rotated, type Scale, samplesOf } from './tasks.js';

const first = (count: number) => Array.from({ length: count }, (_, i) => i);
/** MNIST's own mean and deviation. */
export const AVALANCHE_SCALE: Scale = { mean: 0.1307, deviation: 0.3081 };
/** Pixels of a picture's side, and of all of it. */
export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** How many pictures of a task, and how they become inputs. */
export interface Amount {
  /** Training pictures of a task, from the first; all where it is not given. */
  train?: number;
  /** Test pictures of a task. */
  test?: number;
  scale?: Scale;
}

/** Some of all indices, in random order where not all are wanted. */
function choose(all: readonly number[], count: number | undefined, random: Random): number[] {
  return count === undefined || count >= all.length ? [...all] : random.shuffle([...all]).slice(0, count);
}

/** Tasks that show the same pictures with their pixels elsewhere. Every task has samples of its own. */
function gathered(
  count: number,
  seed: number,
  gatherOf: (task: number, random: Random) => Int16Array,
  { train, test, scale }: Amount,
): SequenceTask[] {
  const random = new Random(seed + 1_000_003);
  const [training, testing] = [readMnist('train'), readMnist('test')];
  return first(count).map((task) => {
    const gather = gatherOf(task, random);
    const part = (pictures: Pictures, most: number | undefined) => {
      const indices = choose(first(pictures.count), most, random);
      return samplesOf(pictures, { indices, gather, ...(scale && { scale }) });
    };
    return {
      name: `task ${task + 1}`,
      train: part(training, train),
      test: part(testing, test),
      classes: first(10),
    };
  });
}

/** Permuted MNIST: the first task has the pixels in their own order. */
export const permutations = (count: number, seed: number, amount: Amount = {}) =>
  gathered(count, seed, (task, random) => (task === 0 ? inOrder(PIXELS) : permuted(PIXELS, random)), amount);

/** Rotated MNIST: random angles up to 180 degrees. */
export const rotations = (count: number, seed: number, amount: Amount = {}) =>
  gathered(count, seed, (_, random) => rotated(SIDE, 180 * random.next()), amount);

/** Rotations that go on by some degrees with every task: tasks that are much alike. */
export const stepwise = (count: number, seed: number, degrees: number, amount: Amount = {}) =>
  gathered(count, seed, (task) => rotated(SIDE, degrees * task), amount);

/** Split MNIST or Fashion-MNIST: two classes a task, in their order. */
export function split(
  seed: number,
  { train, test, scale }: Amount = {},
  read: (part: 'train' | 'test') => Pictures = readMnist,
): SequenceTask[] {
  const random = new Random(seed + 1_000_003);
  const [training, testing] = [read('train'), read('test')];
  return first(5).map((task) => {
    const classes = [2 * task, 2 * task + 1];
    const part = (pictures: Pictures, most: number | undefined) => {
      const all = first(pictures.count).filter((i) => classes.includes(pictures.labels[i]!));
      const indices = choose(all, most, random);
      return samplesOf(pictures, { indices, gather: inOrder(PIXELS), ...(scale && { scale }) });
    };
    return { name: classes.join(' or '), train: part(training, train), test: part(testing, test), classes };
  });
}

/** The tasks with labels of their own, so that each has a head of its own in one network. */
export function withOwnHeads(tasks: SequenceTask[]): SequenceTask[] {
  return tasks.map((task, t) => {
    const shifted = (samples: SequenceTask['train']) => ({
      ...samples,
      labels: Array.from(samples.labels, (label) => label + 10 * t),
    });
    return {
      ...task,
      train: shifted(task.train),
      test: shifted(task.test),
      classes: task.classes.map((c) => c + 10 * t),
    };
  });
}

/**
 * The tasks as a stream without boundaries: every task's training samples have a share of the one before and of the one
 * after among them, so that one passes into the other.
 */
export function gradual(tasks: SequenceTask[], share: number, seed: number): SequenceTask[] {
  const random = new Random(seed + 2_000_003);
  const parts = tasks.map(({ train }) => {
    const order = random.shuffle(first(train.count));
    const moved = Math.floor(share * train.count);
    return {
      back: subset(train, order.slice(0, moved)),
      stay: subset(train, order.slice(moved, train.count - moved)),
      on: subset(train, order.slice(train.count - moved)),
    };
  });
  return tasks.map((task, t) => {
    const { back, stay, on } = parts[t]!;
    const before = t > 0 ? parts[t - 1]!.on : back;
    const after = t + 1 < parts.length ? parts[t + 1]!.back : on;
    return { ...task, train: joined([before, stay, after]) };
  });
}
