import { mlp } from '../networks.js';
import type { Benchmark } from '../protocol.js';
import { AVALANCHE_SCALE, PIXELS, permutations, split } from '../sequences.js';

/** The settings of the comparison with Avalanche; see side-by-side. */
export const AVALANCHE_PROTOCOLS: Record<string, Benchmark> = {
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
  'split-mnist-avalanche': {
    summary:
      'two digits a task of 10,000 pictures in all, class-incremental, MLP 2 x 256, batch 32 (Avalanche)',
    scenario: 'class',
    classes: 10,
    training: { epochs: 1, batch: 32, optimizer: 'sgd', rate: 0.1 },
    crown: (seed) => mlp(PIXELS, [256, 256], seed),
    tasks: (seed) => split(seed, { train: 2000, scale: AVALANCHE_SCALE }),
    methods: {
      // As its plugin: room shared out evenly, and what joins a batch is of earlier tasks.
      er: { settings: { memory: 500, er: { memory: 'balanced', earlierOnly: true } } },
      gem: { settings: { memoryEach: 256, gem: { margin: 0.5 } } },
      'a-gem': { training: { rate: 0.01 }, settings: { memoryEach: 256, recall: 256 } },
    },
  },
};
