import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Groups } from '../../src/replay/groups.js';
import {
  costOf,
  FEWEST_SLOTS,
  GROUP_BYTES,
  INDEX_BYTES_PER_SLOT,
  MAX_GROUPS,
  slotsFor,
  smallestCap,
} from '../../src/replay/layout.js';
import { SlotIndex } from '../../src/replay/slot-index.js';

test('as many slots as the cap pays for, and not one more', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 60_000, max: 2 ** 36 }),
      fc.integer({ min: 1, max: 200_000 }),
      (cap, latent) => {
        const slots = slotsFor(cap, latent);
        expect(costOf(slots, latent)).toBeLessThanOrEqual(cap);
        expect(costOf(slots + 1, latent)).toBeGreaterThan(cap);
      },
    ),
    { seed: 1, numRuns: 2_000 },
  );
  expect(slotsFor(smallestCap(9_792), 9_792)).toBe(FEWEST_SLOTS);
  expect(slotsFor(smallestCap(9_792) - 1, 9_792)).toBe(FEWEST_SLOTS - 1);
});

test('at 64 MiB and the default latents, more than 95 % of the cap are latents', () => {
  expect((slotsFor(64 * 2 ** 20, 9_792) * 9_792) / (64 * 2 ** 20)).toBeGreaterThan(0.95);
});

test('the index takes the stated bytes per slot', () => {
  expect(new SlotIndex(10_000).bytes).toBe(10_000 * INDEX_BYTES_PER_SLOT);
});

test('a group takes no more heap than stated, with the longest names', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const filled = () => {
    const groups = new Groups();
    for (let i = 0; i < MAX_GROUPS; i++) {
      groups.obtain('t'.repeat(64), `${'l'.repeat(60)}${1_000 + (i >> 1)}`, i % 2 === 0).kept = 1;
    }
    return groups;
  };
  // The first round also pays for compiling.
  const kept = [filled()];
  const before = heap();
  for (let i = 0; i < 10; i++) kept.push(filled());
  const bytes = (heap() - before) / 10 / MAX_GROUPS;
  expect(kept.every((groups) => groups.list().length === MAX_GROUPS)).toBe(true);
  expect(bytes).toBeGreaterThan(100);
  expect(bytes).toBeLessThan(GROUP_BYTES);
});
