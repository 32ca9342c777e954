import type { SequenceOptions } from '../../src/learn/sequence/continual-learner.js';
import type { MethodName } from '../../src/learn/sequence/methods.js';
import type { MethodSettings } from '../../src/learn/sequence/settings.js';
import type { Scenario, SequenceTask } from '../../src/learn/sequence/task.js';
import type { Crown } from '../../src/learn/strategy.js';
import { BACKBONE_CLASSES, backboneCrown, backboneTasks, type Sources } from './backbone-tasks.js';
import { readFashion } from './fashion.js';
import { convNet, mlp } from './networks.js';
import {
  AVALANCHE_SCALE,
  gradual,
  PIXELS,
  permutations,
  rotations,
  SIDE,
  split,
  stepwise,
  withOwnHeads,
} from './sequences.js';

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
  /** Whether the area under the ROC curve is measured, too. */
  auroc?: boolean;
  tasks(seed: number, sources: Sources): SequenceTask[] | Promise<SequenceTask[]>;
  crown(seed: number, sources: Sources): Crown | Promise<Crown>;
}

/** Sizes of the memory. */
const memories = (...sizes: number[]): Record<string, Protocol> =>
  Object.fromEntries(sizes.map((memory) => [`memory-${memory}`, { settings: { memory } }]));

const MAMMOTH: Pick<Benchmark, 'training' | 'crown' | 'methods' | 'variants'> = {
  training: { epochs: 1, batch: 128, optimizer: 'sgd', rate: 0.2 },
  crown: (seed) => mlp(PIXELS, [100, 100], seed),
  methods: {
    er: { settings: { memory: 500 } },
    // Its lambda of 0.7, without the half, is our 1.4; its result is come nearer to with 8.
    ewc: { training: { rate: 0.1 }, settings: { ewc: { lambda: 8, gamma: 1, samples: 5000 } } },
  },
  variants: memories(200, 500, 5120),
};

/** The authors' example of DEN: every task has a head of its own. */
const DEN: Pick<Benchmark, 'scenario' | 'classes' | 'crown' | 'auroc'> = {
  scenario: 'task',
  classes: 100,
  auroc: true,
  crown: (seed) => mlp(PIXELS, [312, 128], seed),
};

/** The network is a trained backbone already. */
const PRETRAINED: MethodSettings = { backboneFromFirst: false, stepDecay: true };

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
    methods: {
      // Chosen of 100, 1,000 and 10,000 on seed 10.
      ewc: { settings: { ewc: { lambda: 10_000 } } },
      gem: { settings: { memoryEach: 64 } },
      'a-gem': { settings: { memoryEach: 64, recall: 64 } },
    },
  },
  'split-mnist-few': {
    summary: 'two digits a task, 5 tasks of 100 pictures, task known: what earlier tasks give to later ones',
    scenario: 'task',
    classes: 10,
    training: { epochs: 20, batch: 10, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => split(seed, { train: 100 }),
    crown: (seed) => mlp(PIXELS, [100, 100], seed),
  },
  'rotated-mnist-few': {
    summary:
      '10 rotations, each by 10 degrees more, of 100 pictures a task, task known: tasks that are much alike',
    scenario: 'task',
    classes: 10,
    training: { epochs: 20, batch: 10, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => stepwise(10, seed, 10, { train: 100, test: 2000 }),
    crown: (seed) => mlp(PIXELS, [100, 100], seed),
  },
  'split-mnist-task': {
    summary: 'two digits a task, all pictures, one pass, task known, MLP 2 x 100',
    scenario: 'task',
    classes: 10,
    training: { epochs: 1, batch: 32, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => split(seed),
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
  'split-mnist-gradual': {
    summary:
      'two digits a task, and every task passes into the next: a third of its pictures are of its neighbours',
    scenario: 'free',
    classes: 10,
    ...MAMMOTH,
    training: { epochs: 1, batch: 10, optimizer: 'sgd', rate: 0.1 },
    tasks: (seed) => gradual(split(seed), 1 / 6, seed),
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
      gem: { training: { rate: 0.05 } },
      // Its lambda of 100 has no half before it, and its squares are of means over 32 samples.
      ewc: { settings: { ewc: { lambda: (2 * 100) / 32, fisher: 'empirical' } } },
    },
  },
  'permuted-mnist-heads': {
    summary: '10 permutations of all pictures, a head for each, MLP 2 x 100',
    scenario: 'task',
    classes: 100,
    training: { epochs: 1, batch: 128, optimizer: 'adam', rate: 1e-3 },
    crown: (seed) => mlp(PIXELS, [100, 100], seed),
    tasks: (seed) => withOwnHeads(permutations(10, seed)),
    methods: {
      piggyback: { training: { epochs: 3 }, settings: { piggyback: { ternary: true, maskRate: 1e-3 } } },
      // Columns as wide as the network, as in the paper.
      pnn: { settings: { columnWidth: 1 } },
      cpg: { training: { epochs: 3 }, settings: { cpg: { release: 0.5, finalEpochs: 2 } } },
    },
  },
  'backbone-sequence': {
    summary: 'hand signs, magnetic tiles, Fashion-MNIST and MNIST on the default backbone, few pictures each',
    scenario: 'task',
    classes: BACKBONE_CLASSES,
    training: { epochs: 10, batch: 16, optimizer: 'adam', rate: 1e-3 },
    tasks: backboneTasks,
    crown: (_, sources) => backboneCrown(sources),
    methods: {
      separate: { settings: PRETRAINED },
      'linear-head': { settings: PRETRAINED },
      piggyback: { settings: PRETRAINED },
      cpg: { settings: { ...PRETRAINED, cpg: { goal: 'fine-tuned', channelRate: 3e-3 } } },
      pnn: { settings: { ...PRETRAINED, columnWidth: 0.25 } },
    },
  },
  'permuted-mnist-den': {
    summary:
      '10 permutations of all pictures, a head for each, MLP 312-128, 4,230 steps a task (DEN’s protocol)',
    ...DEN,
    training: { epochs: 18, batch: 256, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => withOwnHeads(permutations(10, seed)),
  },
  'permuted-mnist-den-short': {
    summary: 'the same with 940 steps a task',
    ...DEN,
    training: { epochs: 4, batch: 256, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => withOwnHeads(permutations(10, seed)),
  },
  'permuted-mnist-den-small': {
    summary: '4 permutations of 10,000 pictures, otherwise as permuted-mnist-den; 400 steps a task',
    ...DEN,
    training: { epochs: 10, batch: 256, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => withOwnHeads(permutations(4, seed, { train: 10_000, test: 2000 })),
  },
  'permuted-mnist-heads-400': {
    summary: '10 permutations of all pictures, a head for each, MLP 2 x 400',
    scenario: 'task',
    classes: 100,
    training: { epochs: 1, batch: 128, optimizer: 'adam', rate: 1e-3 },
    crown: (seed) => mlp(PIXELS, [400, 400], seed),
    methods: {
      ewc: { settings: { ewc: { lambda: 100, samples: 3000 } } },
      'ags-cl': { settings: { agsCl: { mu: 0.3, lambda: 4, samples: 2000 } } },
    },
    tasks: (seed) => withOwnHeads(permutations(10, seed)),
  },
  'split-fashion': {
    summary: 'Fashion-MNIST, two classes a task, all pictures, a small convolutional network, task known',
    scenario: 'task',
    classes: 10,
    training: { epochs: 1, batch: 64, optimizer: 'adam', rate: 1e-3 },
    crown: (seed) => convNet(SIDE, seed),
    methods: {
      ewc: { settings: { ewc: { lambda: 100, samples: 1000 } } },
      'ags-cl': { settings: { agsCl: { mu: 1, lambda: 100, samples: 1000 } } },
    },
    tasks: (seed) => split(seed, {}, readFashion),
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

/**
 * What a benchmark says of a method; for methods with + between them, what it says of each.
 * @param variant its settings win over the method's
 */
export function protocolOf(
  { methods, variants }: Benchmark,
  method: string,
  variant?: string,
): Required<Protocol> {
  const parts = method.split('+').map((name) => methods?.[name as MethodName] ?? {});
  const other = variant ? variants?.[variant] : undefined;
  // Where methods train differently, the benchmark's own training is nobody's disadvantage.
  const own = parts.length === 1 ? parts[0]!.training : {};
  const settings = [...parts, other].map((p) => p?.settings);
  return { training: { ...own, ...other?.training }, settings: Object.assign({}, ...settings) };
}
