import { truncatedNormal } from '../../../src/learn/sequence/initializer.js';
import { linearDecay } from '../../../src/learn/sequence/schedule.js';
import { readFashion } from '../fashion.js';
import { convNet, mlp } from '../networks.js';
import type { Benchmark } from '../protocol.js';
import { PIXELS, permutations, SIDE, split, withOwnHeads } from '../sequences.js';

/**
 * What weights, biases and heads start from in the code that Nguyen et al. published: four times as wide in the first
 * layer as `fanInUniform`.
 */
const WIDE = truncatedNormal(0.1);
/** The same code has a new Adam for each task. */
const VCL_ADAM = {
  optimizer: 'adam',
  rate: 1e-3,
  freshOptimizer: true,
  headInitializer: WIDE,
} as const;

/** Nguyen et al. 2018, section 6.1. */
const VCL_PERMUTED: Pick<Benchmark, 'scenario' | 'classes' | 'training' | 'crown' | 'variants'> = {
  scenario: 'domain',
  classes: 10,
  training: { epochs: 100, batch: 256, ...VCL_ADAM },
  crown: (seed) => mlp(PIXELS, [100, 100], seed, WIDE),
  variants: {
    coreset: { settings: { vcl: { coreset: 200 } } },
    short: { training: { epochs: 8 } },
    'short-coreset': { training: { epochs: 8 }, settings: { vcl: { coreset: 200, coresetEpochs: 100 } } },
  },
};

/** As many steps as 120 epochs of whole batches are, or a few less, each on a twelfth of the pictures. */
const FEW_ROWS = { epochs: 10, batch: 1024 };
const RANDOM_CORESET = { coreset: 40, coresetEpochs: 120 };
const K_CENTER_CORESET = { ...RANDOM_CORESET, selection: 'k-center' } as const;

/** The protocols of the papers on VCL, EWC and AGS-CL. */
export const REGULARIZATION_PROTOCOLS: Record<string, Benchmark> = {
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
  'permuted-mnist-heads-400-decay': {
    summary: 'the same with two epochs, a rate that decays to 0 and a wide start: for EWC and AGS-CL',
    scenario: 'task',
    classes: 100,
    training: {
      ...{ epochs: 2, batch: 128, optimizer: 'adam', rate: 2e-3 },
      ...{ schedule: linearDecay, headInitializer: WIDE },
    },
    crown: (seed) => mlp(PIXELS, [400, 400], seed, WIDE),
    methods: {
      ewc: { settings: { ewc: { lambda: 100, samples: 2000 } } },
      // A tenth of the nodes, exactly frozen then: a thin network that reads what earlier tasks found.
      'ags-cl': {
        training: { rate: 4e-3, freshOptimizer: true },
        settings: { agsCl: { budget: 0.1, mu: 0, lambda: 1e6, samples: 2000 } },
      },
    },
    variants: { long: { training: { epochs: 4 } } },
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
    training: { epochs: 120, batch: 12_700, ...VCL_ADAM },
    crown: (seed) => mlp(PIXELS, [256, 256], seed, WIDE),
    tasks: (seed) => split(seed),
    variants: {
      'random-coreset': { settings: { vcl: RANDOM_CORESET } },
      'k-center-coreset': { settings: { vcl: K_CENTER_CORESET } },
      short: { training: FEW_ROWS },
      'short-random-coreset': { training: FEW_ROWS, settings: { vcl: RANDOM_CORESET } },
      'short-k-center-coreset': { training: FEW_ROWS, settings: { vcl: K_CENTER_CORESET } },
    },
  },
  'permuted-mnist-heads-wide': {
    summary: '10 permutations of all pictures, a head for each, MLP 2 x 100, 3 epochs of Adam (EWC, tuned)',
    scenario: 'task',
    classes: 100,
    training: {
      ...{ epochs: 3, batch: 128, optimizer: 'adam', rate: 2e-3 },
      ...{ schedule: linearDecay, headInitializer: WIDE },
    },
    crown: (seed) => mlp(PIXELS, [100, 100], seed, WIDE),
    tasks: (seed) => withOwnHeads(permutations(10, seed)),
    // Chosen on seed 10.
    methods: { ewc: { settings: { ewc: { lambda: 30, samples: 3000 } } } },
  },
  'permuted-mnist-10': {
    summary: '10 permutations of all pictures, one head, MLP 2 x 100, 5 epochs of Adam',
    scenario: 'domain',
    classes: 10,
    training: { epochs: 5, batch: 128, optimizer: 'adam', rate: 1e-3, headInitializer: WIDE },
    crown: (seed) => mlp(PIXELS, [100, 100], seed, WIDE),
    tasks: (seed) => permutations(10, seed),
    methods: { ewc: { settings: { ewc: { lambda: 30, samples: 5000 } } } },
  },
};
