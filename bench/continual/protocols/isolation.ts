import type { MethodSettings } from '../../../src/learn/sequence/settings.js';
import { BACKBONE_CLASSES, backboneCrown, backboneTasks } from '../backbone-tasks.js';
import { mlp } from '../networks.js';
import type { Benchmark } from '../protocol.js';
import { PIXELS, permutations, withOwnHeads } from '../sequences.js';

/** The network is a trained backbone already. */
const PRETRAINED: MethodSettings = { backboneFromFirst: false, stepDecay: true };

/** The authors' example of DEN: every task has a head of its own. */
const DEN: Pick<Benchmark, 'scenario' | 'classes' | 'crown' | 'auroc'> = {
  scenario: 'task',
  classes: 100,
  auroc: true,
  crown: (seed) => mlp(PIXELS, [312, 128], seed),
};

/** Sequences for methods with a network for each task, one of them on the default backbone. */
export const ISOLATION_PROTOCOLS: Record<string, Benchmark> = {
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
      // The goal is measured on a tenth of the samples; what answers is trained on all of them, as long as the others are.
      cpg: { settings: { ...PRETRAINED, cpg: { goal: 'fine-tuned', channelRate: 3e-3, finalEpochs: 10 } } },
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
  'permuted-mnist-den-equal': {
    summary:
      'permuted-mnist-den with as many parameters as DEN ends with, MLP 698-286, for EWC and naive training',
    ...DEN,
    training: { epochs: 18, batch: 256, optimizer: 'adam', rate: 1e-3 },
    crown: (seed) => mlp(PIXELS, [698, 286], seed),
    tasks: (seed) => withOwnHeads(permutations(10, seed)),
    methods: { ewc: { settings: { ewc: { lambda: 100, samples: 3000 } } } },
    variants: { short: { training: { epochs: 4 } } },
  },
  'permuted-mnist-den-small': {
    summary: '4 permutations of 10,000 pictures, otherwise as permuted-mnist-den; 400 steps a task',
    ...DEN,
    training: { epochs: 10, batch: 256, optimizer: 'adam', rate: 1e-3 },
    tasks: (seed) => withOwnHeads(permutations(4, seed, { train: 10_000, test: 2000 })),
  },
};
