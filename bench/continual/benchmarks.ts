import type { Benchmark } from './protocol.js';
import { AVALANCHE_PROTOCOLS } from './protocols/avalanche.js';
import { GRADIENT_PROTOCOLS } from './protocols/gradients.js';
import { ISOLATION_PROTOCOLS } from './protocols/isolation.js';
import { MAMMOTH_PROTOCOLS } from './protocols/mammoth.js';
import { REGULARIZATION_PROTOCOLS } from './protocols/regularization.js';
import { SMALL } from './protocols/small.js';

/** The benchmarks by the names that `lichen bench continual` knows. */
export const BENCHMARKS: Record<string, Benchmark> = {
  ...SMALL,
  ...MAMMOTH_PROTOCOLS,
  ...AVALANCHE_PROTOCOLS,
  ...GRADIENT_PROTOCOLS,
  ...ISOLATION_PROTOCOLS,
  ...REGULARIZATION_PROTOCOLS,
};
