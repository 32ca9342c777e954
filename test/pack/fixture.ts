import { generateKeys } from '../../src/pack/keys.js';
import type { PackContent } from '../../src/pack/pack.js';

export const keys = generateKeys();
export const strangers = generateKeys();

export const content: PackContent = {
  task: 'tops',
  classes: ['shirt', 'coat', 'häßlich'],
  isolation: 'piggyback',
  backbone: { name: 'efficientnet-lite0', sha256: 'ab'.repeat(32), split: 'block14.add' },
  version: 3,
  requires: [{ task: 'shoes', version: 1, sha256: 'cd'.repeat(32) }],
  metrics: { heldOutAccuracy: 0.953125, samples: 120 },
  digest: 'ef'.repeat(32),
  createdAt: '2026-08-01T12:00:00.000Z',
};

export const adapter = new Uint8Array(5_000).map((_, i) => (i * i) >> 3);
