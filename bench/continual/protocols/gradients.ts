import { mlp } from '../networks.js';
import type { Benchmark } from '../protocol.js';
import { PIXELS, permutations, rotations } from '../sequences.js';

/** Lopez-Paz & Ranzato 2017, section 5: tasks of few samples, one pass, samples ten at a time. */
const FEW: Pick<Benchmark, 'scenario' | 'classes' | 'training' | 'crown' | 'methods'> = {
  scenario: 'domain',
  classes: 10,
  training: { epochs: 1, batch: 10, optimizer: 'sgd', rate: 0.1 },
  crown: (seed) => mlp(PIXELS, [100, 100], seed),
  methods: {
    gem: { settings: { memoryEach: 256, gem: { margin: 0.5 } } },
    'a-gem': { settings: { memoryEach: 256, recall: 256 } },
  },
};

/** Chaudhry et al. 2019, 'Efficient lifelong learning with A-GEM', section 5 and appendix. */
const SEVENTEEN: typeof FEW = {
  ...FEW,
  crown: (seed) => mlp(PIXELS, [256, 256], seed),
  methods: { 'a-gem': { settings: { memoryEach: 250, recall: 256 } } },
};

/** The protocols of the papers on GEM and A-GEM. */
export const GRADIENT_PROTOCOLS: Record<string, Benchmark> = {
  'permuted-mnist-gem': {
    summary: '20 permutations of 1,000 pictures, one pass in batches of 10, MLP 2 x 100 (GEM’s protocol)',
    ...FEW,
    tasks: (seed) => permutations(20, seed, { train: 1000 }),
  },
  'rotated-mnist-gem': {
    summary: '20 rotations of 1,000 pictures, otherwise the same (GEM’s protocol)',
    ...FEW,
    tasks: (seed) => rotations(20, seed, { train: 1000 }),
  },
  'permuted-mnist-a-gem': {
    summary:
      '17 permutations of 1,000 pictures, batches of 10, MLP 2 x 256 (A-GEM’s protocol, fewer pictures)',
    ...SEVENTEEN,
    tasks: (seed) => permutations(17, seed, { train: 1000 }),
  },
  'permuted-mnist-a-gem-long': {
    summary: '17 permutations of all pictures, otherwise the same (A-GEM’s protocol)',
    ...SEVENTEEN,
    tasks: (seed) => permutations(17, seed),
  },
};
