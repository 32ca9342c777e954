import type { SequenceOptions } from '../../src/learn/sequence/continual-learner.js';
import type { MethodName, MethodSettings } from '../../src/learn/sequence/methods.js';
import type { Scenario, SequenceTask } from '../../src/learn/sequence/task.js';
import type { Crown } from '../../src/learn/strategy.js';
import { Random } from '../../src/random.js';
import { type Pictures, readMnist } from './mnist.js';
import { convNet, mlp } from './networks.js';
import { inOrder, permuted, rotated, type Scale, samplesOf } from './tasks.js';

type Training = Pick<SequenceOptions, 'epochs' | 'batch' | 'optimizer' | 'rate'>;

/** What a benchmark says of one method: where its training differs, and the method's own settings. */
export interface Protocol {
  training?: Partial<Training>;
  settings?: MethodSettings;
}

/** A sequence of tasks, a network and a training. */
export interface Benchmark {
  summary: string;
  scenario: Scenario;
  classes: number;
  training: Training;
  /** Methods that it says something of. */
  methods?: Partial<Record<MethodName, Protocol>>;
  /** The same with other settings, for all methods: sizes of the memory, shorter trainings. They win over `methods`. */
  variants?: Record<string, Protocol>;
  tasks(seed: number): SequenceTask[];
  crown(seed: number): Crown;
}

const first = (count: number) => Array.from({ length: count }, (_, i) => i);
const AVALANCHE_SCALE: Scale = { mean: 0.1307, deviation: 0.3081 };
const SIDE = 28;
const PIXELS = SIDE * SIDE;

interface Amount {
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
const permutations = (count: number, seed: number, amount: Amount = {}) =>
  gathered(count, seed, (task, random) => (task === 0 ? inOrder(PIXELS) : permuted(PIXELS, random)), amount);

/** Rotated MNIST: random angles up to 180 degrees. */
const rotations = (count: number, seed: number, amount: Amount = {}) =>
  gathered(count, seed, (_, random) => rotated(SIDE, 180 * random.next()), amount);

/** Split MNIST: two digits a task, in their order. */
function split(seed: number, { train, test, scale }: Amount = {}): SequenceTask[] {
  const random = new Random(seed + 1_000_003);
  const [training, testing] = [readMnist('train'), readMnist('test')];
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
function withOwnHeads(tasks: SequenceTask[]): SequenceTask[] {
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

/** Sizes of the memory. */
const memories = (...sizes: number[]): Record<string, Protocol> =>
  Object.fromEntries(sizes.map((memory) => [`memory-${memory}`, { settings: { memory } }]));

const MAMMOTH: Pick<Benchmark, 'training' | 'crown' | 'methods' | 'variants'> = {
  training: { epochs: 1, batch: 128, optimizer: 'sgd', rate: 0.2 },
  crown: (seed) => mlp(PIXELS, [100, 100], seed),
  methods: { er: { settings: { memory: 500 } } },
  variants: memories(200, 500, 5120),
};

/** Nguyen et al. 2018, section 6.1. */
const VCL_PERMUTED: Pick<Benchmark, 'scenario' | 'classes' | 'training' | 'crown' | 'variants'> = {
  scenario: 'domain',
  classes: 10,
  training: { epochs: 100, batch: 256, optimizer: 'adam', rate: 1e-3 },
  crown: (seed) => mlp(PIXELS, [100, 100], seed),
  variants: {
    coreset: { settings: { vcl: { coreset: 200 } } },
    short: { training: { epochs: 8 } },
    'short-coreset': { training: { epochs: 3 }, settings: { vcl: { coreset: 200, coresetEpochs: 100 } } },
  },
};

/** As many steps as 120 epochs of whole batches are, or a few less, each on a twelfth of the pictures. */
const FEW_ROWS = { epochs: 10, batch: 1024 };
const RANDOM_CORESET = { coreset: 40, coresetEpochs: 120 };
const K_CENTER_CORESET = { ...RANDOM_CORESET, selection: 'k-center' } as const;

/** An equal share of the memory for each class; new samples do not push down the classes before. */
const BALANCED_APART = { memory: 'balanced', apart: true } as const;

/** The benchmarks by the names that `lichen bench continual` knows. */
export const BENCHMARKS: Record<string, Benchmark> = {
  'split-mnist-small': {
    summary: 'two digits a task, 5 tasks of 1,000 pictures, task known; a minute at most for one method',
    scenario: 'task',
    classes: 10,
    training: { epochs: 5, batch: 10, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => split(seed, { train: 1000 }),
    crown: (seed) => mlp(PIXELS, [100, 100], seed),
  },
  'split-mnist-class': {
    summary: 'two digits a task, all pictures, one pass, class-incremental (Mammoth’s protocol)',
    scenario: 'class',
    classes: 10,
    ...MAMMOTH,
    training: { epochs: 1, batch: 10, optimizer: 'sgd', rate: 0.1 },
    tasks: (seed) => split(seed),
    variants: {
      ...MAMMOTH.variants,
      'apart-500': {
        training: { optimizer: 'adam', rate: 1e-3 },
        settings: { memory: 500, recall: 100, er: BALANCED_APART },
      },
    },
  },
  'split-mnist-class-conv': {
    summary: 'the same with a small convolutional network, for ER with a balanced memory of 500',
    scenario: 'class',
    classes: 10,
    training: { epochs: 1, batch: 32, optimizer: 'adam', rate: 1e-3 },
    crown: (seed) => convNet(SIDE, seed),
    tasks: (seed) => split(seed),
    methods: { er: { settings: { memory: 500, recall: 64, er: BALANCED_APART } } },
    variants: memories(200, 500, 5120),
  },
  'permuted-mnist-20': {
    summary: '20 permutations of all pictures, one pass, one head (Mammoth’s protocol)',
    scenario: 'domain',
    classes: 10,
    ...MAMMOTH,
    tasks: (seed) => permutations(20, seed),
  },
  'rotated-mnist-20': {
    summary: '20 rotations of all pictures, one pass, one head (Mammoth’s protocol)',
    scenario: 'domain',
    classes: 10,
    ...MAMMOTH,
    tasks: (seed) => rotations(20, seed),
  },
  'permuted-mnist-avalanche': {
    summary: '10 permutations of 10,000 pictures, MLP 2 x 256, batch 32 (side by side with Avalanche)',
    scenario: 'domain',
    classes: 10,
    training: { epochs: 1, batch: 32, optimizer: 'sgd', rate: 0.05 },
    crown: (seed) => mlp(PIXELS, [256, 256], seed),
    tasks: (seed) => permutations(10, seed, { train: 10_000, test: 2000, scale: AVALANCHE_SCALE }),
    methods: {
      er: { training: { rate: 0.1 }, settings: { memory: 5000 } },
      'a-gem': { training: { rate: 0.1 } },
    },
  },
  'permuted-mnist-heads': {
    summary: '10 permutations of all pictures, a head for each, MLP 2 x 100',
    scenario: 'task',
    classes: 100,
    training: { epochs: 1, batch: 128, optimizer: 'adam', rate: 1e-3 },
    crown: (seed) => mlp(PIXELS, [100, 100], seed),
    tasks: (seed) => withOwnHeads(permutations(10, seed)),
  },
  'permuted-mnist-5-long': {
    summary: '5 permutations of all pictures, one head, MLP 2 x 100, 100 epochs (VCL’s protocol)',
    ...VCL_PERMUTED,
    tasks: (seed) => permutations(5, seed),
  },
  'permuted-mnist-10-long': {
    summary: '10 permutations of all pictures, one head, MLP 2 x 100, 100 epochs (VCL’s protocol)',
    ...VCL_PERMUTED,
    tasks: (seed) => permutations(10, seed),
  },
  'split-mnist-full-batch': {
    summary: 'two digits a task, a head for each, MLP 2 x 256, 120 epochs in whole batches (VCL’s protocol)',
    scenario: 'task',
    classes: 10,
    training: { epochs: 120, batch: 12_700, optimizer: 'adam', rate: 1e-3 },
    crown: (seed) => mlp(PIXELS, [256, 256], seed),
    tasks: (seed) => split(seed),
    variants: {
      'random-coreset': { settings: { vcl: RANDOM_CORESET } },
      'k-center-coreset': { settings: { vcl: K_CENTER_CORESET } },
      short: { training: FEW_ROWS },
      'short-random-coreset': { training: FEW_ROWS, settings: { vcl: RANDOM_CORESET } },
      'short-k-center-coreset': { training: FEW_ROWS, settings: { vcl: K_CENTER_CORESET } },
    },
  },
};
