import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { smallestCap } from '../../src/replay/layout.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';
import { capFor, idOf, KEY, latentOf, sampleOf } from './fixture.js';

const scratch = scratchFolder();
const LATENT = 1000;
const CAP = capFor(100, LATENT);

const open = (reservedBytes = 0, capBytes = CAP) =>
  ReplayMemory.open({
    file: scratch.path('m'),
    capBytes,
    reservedBytes,
    latentBytes: LATENT,
    key: KEY,
    seed: 1,
  });

function filled(): ReplayMemory {
  const memory = open();
  for (let n = 0; n < 150; n++) memory.add(sampleOf(n, LATENT, { label: n % 2 ? 'a' : 'b' }));
  memory.flush();
  return memory;
}

test('what is reserved is taken from the samples at once, and the cap holds for both together', () => {
  const memory = filled();
  const before = memory.stats();
  expect(before).toMatchObject({ samples: 100, reservedBytes: 0 });
  const reserved = Math.floor(CAP / 2);
  memory.reserve(reserved);
  const after = memory.stats();
  expect(after.usedBytes).toBeLessThanOrEqual(CAP);
  expect(after.usedBytes - after.indexBytes).toBe(statSync(scratch.path('m')).size + reserved);
  expect(after.reservedBytes).toBe(reserved);
  expect(after.samples).toBeLessThan(55);
  expect(after.samples).toBeGreaterThan(30);
  // Those that are still there are whole, balanced as ever, and new ones fit in.
  for (const ref of memory.refs()) expect(memory.read(ref)).toEqual(latentOf(ref.id, LATENT));
  const kept = (label: string) => memory.refs({ label, heldOut: false }).length;
  expect(Math.abs(kept('a') - kept('b'))).toBeLessThanOrEqual(1);
  memory.add(sampleOf(1000, LATENT));
  memory.flush();
  expect(memory.has(idOf(1000))).toBe(true);
  expect(memory.stats().usedBytes).toBeLessThanOrEqual(CAP);
  memory.close();
});

test('a memory that is opened again with what is reserved is the same, and one with less has room again', () => {
  const memory = filled();
  memory.reserve(CAP / 2);
  const ids = memory.refs().map((r) => r.id);
  memory.close();
  const again = open(CAP / 2);
  expect(again.refs().map((r) => r.id)).toEqual(ids);
  again.reserve(0);
  for (let n = 200; n < 400; n++) again.add(sampleOf(n, LATENT));
  again.flush();
  expect(again.stats().samples).toBe(100);
  again.close();
});

test('what leaves no room for samples is refused, with the smallest cap that would do, and changes nothing', () => {
  const memory = filled();
  const refs = memory.refs();
  for (const refuse of [() => memory.reserve(CAP - 1000), () => memory.checkReserve(CAP - 1000)]) {
    const error = errorOf(refuse);
    expect(error.code).toBe('replay-cap-too-small');
    expect(error.message).toContain(`it must be at least ${smallestCap(LATENT) + CAP - 1000}`);
    expect(error.message).toContain(`${CAP - 1000} bytes that are kept for learning`);
  }
  expect(memory.refs()).toEqual(refs);
  memory.close();
  expect(errorOf(() => open(CAP)).code).toBe('replay-cap-too-small');
});
