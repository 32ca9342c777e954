import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../src/random.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import type { GroupStats } from '../../src/replay/stats.js';
import { scratchFolder } from '../store/scratch.js';
import { capFor, idOf, KEY, sampleOf } from './fixture.js';

const scratch = scratchFolder();
const LATENT = 16;

function open(name: string, capacity: number, seed = 1): ReplayMemory {
  return ReplayMemory.open({
    file: scratch.path(name),
    capBytes: capFor(capacity, LATENT),
    latentBytes: LATENT,
    key: KEY,
    seed,
  });
}

const weight = ({ heldOut }: { heldOut: boolean }) => (heldOut ? 1 : 4);

test('labels share the memory evenly, however unequal the stream, four training samples to one held out', () => {
  const memory = open('m', 200);
  const random = new Random(3);
  for (let n = 0; n < 6_000; n++) {
    const draw = random.next();
    const label = draw < 0.9 ? 'often' : draw < 0.97 ? 'sometimes' : 'seldom';
    memory.add(sampleOf(n, LATENT, { label, heldOut: random.next() < 0.5 }));
  }
  const kept = Object.fromEntries(
    memory.stats().perGroup.map((g) => [`${g.label} ${g.heldOut ? 'held out' : 'training'}`, g.kept]),
  );
  // 200 samples over 3 * (4 + 1) shares of 13.3.
  for (const label of ['often', 'sometimes', 'seldom']) {
    expect(kept[`${label} training`]).toBeGreaterThanOrEqual(52);
    expect(kept[`${label} training`]).toBeLessThanOrEqual(55);
    expect(kept[`${label} held out`]).toBeGreaterThanOrEqual(12);
    expect(kept[`${label} held out`]).toBeLessThanOrEqual(14);
  }
  expect(memory.stats().perGroup.reduce((sum, { seen }) => sum + seen, 0)).toBe(6_000);
  memory.close();
});

test('a label that comes late gets its share of a memory that is full', () => {
  const memory = open('m', 120);
  for (let n = 0; n < 1_000; n++)
    memory.add(sampleOf(n, LATENT, { label: n % 2 ? 'a' : 'b', heldOut: false }));
  for (let n = 1_000; n < 1_080; n++) memory.add(sampleOf(n, LATENT, { label: 'late', heldOut: false }));
  expect(memory.stats().perGroup.map(({ label, kept }) => [label, kept])).toEqual([
    ['a', 40],
    ['b', 40],
    ['late', 40],
  ]);
  memory.close();
});

test('any stream: a group that lost a sample has its share, within one; none is ever emptied by a larger one', () => {
  const arrival = fc.record({
    label: fc.constantFrom('a', 'a', 'a', 'a', 'a', 'b', 'b', 'c'),
    heldOut: fc.boolean(),
  });
  let run = 0;
  fc.assert(
    fc.property(
      fc.array(arrival, { minLength: 0, maxLength: 150 }),
      fc.integer({ min: 8, max: 60 }),
      fc.integer(),
      (stream, capacity, seed) => {
        const memory = open(`m${run++}`, capacity, seed);
        for (const [n, fields] of stream.entries()) memory.add(sampleOf(n, LATENT, fields));
        const { perGroup, samples } = memory.stats();
        expect(samples).toBe(Math.min(stream.length, capacity));
        const offered = new Set(stream.map(({ label, heldOut }) => `${label} ${heldOut}`));
        expect(perGroup.length).toBe(offered.size);
        const share = Math.max(0, ...perGroup.filter(({ kept }) => kept > 1).map((g) => g.kept / weight(g)));
        for (const group of perGroup) expectShare(group, share);
        memory.close();
      },
    ),
    { seed: 4, numRuns: 150 },
  );
});

function expectShare(group: GroupStats, share: number): void {
  expect(group.kept).toBeGreaterThan(0);
  expect(group.kept).toBeLessThanOrEqual(group.seen);
  if (group.kept < group.seen) expect(group.kept).toBeGreaterThan(share * weight(group) - 1 - 1e-9);
}

test('within a label every sample has the same chance, early or late', () => {
  // 400 memories of 20 samples, of 100 that come: each position is kept 80 times of 400 on average.
  const kept = new Array<number>(100).fill(0);
  const position = new Map(Array.from({ length: 100 }, (_, n) => [idOf(n), n]));
  for (let seed = 0; seed < 400; seed++) {
    const memory = open(`m${seed}`, 20, seed);
    for (let n = 0; n < 100; n++) memory.add(sampleOf(n, LATENT, { heldOut: false }));
    for (const { id } of memory.refs()) kept[position.get(id)!]!++;
    memory.close();
  }
  const expected = 80;
  const chiSquare = kept.reduce((sum, count) => sum + (count - expected) ** 2 / (expected * 0.8), 0);
  // 99 degrees of freedom: the middle 99.8 % lie between 57 and 149.
  expect(chiSquare).toBeGreaterThan(57);
  expect(chiSquare).toBeLessThan(149);
});

test('after a removal a label grows back to its share', () => {
  const memory = open('m', 100);
  const add = (n: number, label: string) => memory.add(sampleOf(n, LATENT, { label, heldOut: false }));
  for (let n = 0; n < 600; n++) add(n, n % 2 ? 'a' : 'b');
  for (const { id } of memory.refs({ label: 'a' }).slice(0, 45)) memory.remove(id);
  for (let n = 600; n < 800; n++) add(n, n % 2 ? 'a' : 'b');
  for (const { kept } of memory.stats().perGroup) expect(kept).toBe(50);
  memory.close();
});
