import { mlp } from '../networks.js';
import type { Benchmark } from '../protocol.js';
import { PIXELS, split, stepwise } from '../sequences.js';

/** Small sequences: for choosing, for trying, and for what needs few samples to show. */
export const SMALL: Record<string, Benchmark> = {
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
    summary: '10 each by 10 degrees more, of 100 pictures a task, task known: tasks that are much alike',
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
};
