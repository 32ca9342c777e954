import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SLOTS_OFFSET, STATE_BYTES, STATE_OFFSETS, slotOffset } from '../../src/replay/layout.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import { scratchFolder } from '../store/scratch.js';
import { capFor, idOf, KEY, latentOf, sampleOf } from './fixture.js';

const scratch = scratchFolder();
const LATENT = 300;
const HOLDS = 8;

function open(name: string, holds = HOLDS): ReplayMemory {
  return ReplayMemory.open({
    file: scratch.path(name),
    capBytes: capFor(holds, LATENT),
    latentBytes: LATENT,
    key: KEY,
    seed: 1,
  });
}

/** A full, flushed memory, what it holds, and the bytes of its file. */
function fullMemory(): { memory: ReplayMemory; samples: Map<string, string>; before: Buffer } {
  const memory = open('m');
  for (let n = 0; n < HOLDS; n++) memory.add(sampleOf(n, LATENT, { label: `l${n % 2}`, heldOut: false }));
  memory.flush();
  return { memory, samples: content(memory), before: image() };
}

const image = () => readFileSync(scratch.path('m'));

function content(memory: ReplayMemory): Map<string, string> {
  for (const ref of memory.refs()) {
    expect(Buffer.from(memory.read(ref)).equals(latentOf(ref.id, LATENT))).toBe(true);
  }
  return new Map(memory.refs().map(({ id, label }) => [id, label]));
}

/** What a memory finds in a file of these bytes. */
function found(bytes: Buffer): Map<string, string> {
  writeFileSync(scratch.path('torn'), bytes);
  const memory = open('torn');
  const samples = content(memory);
  memory.close();
  return samples;
}

/** Some 65 ways in which writing `after` over `before` can be cut short between two offsets, both included. */
function* tearings(before: Buffer, after: Buffer, from: number, to: number): Generator<Buffer> {
  const step = 1 + ((to - from) >> 6);
  for (let cut = from; cut < to + step; cut += step) {
    const end = Math.min(cut, to);
    const torn = Buffer.alloc(Math.max(before.length, end));
    before.copy(torn);
    after.copy(torn, from, from, end);
    yield torn;
  }
}

function without(samples: Map<string, string>, id: string): Map<string, string> {
  return new Map([...samples].filter(([other]) => other !== id));
}

test('adding, torn at any byte, costs at most the sample that was to make room', () => {
  const { memory, samples, before } = fullMemory();
  const { evicted } = memory.add(sampleOf(100, LATENT, { label: 'new', heldOut: false }));
  const after = image();
  const whole = content(memory);
  expect(evicted).toBeDefined();
  const outcomes = new Set<string>();
  for (const torn of tearings(before, after, SLOTS_OFFSET, after.length)) {
    const left = found(torn);
    const possible = [samples, without(samples, evicted!.id), whole].findIndex(
      (state) => JSON.stringify([...state]) === JSON.stringify([...left]),
    );
    expect(possible).toBeGreaterThanOrEqual(0);
    outcomes.add(String(possible));
  }
  expect(outcomes.size).toBeGreaterThanOrEqual(2);
  memory.close();
});

test('relabelling, torn at any byte, leaves the old label or the new', () => {
  const { memory, samples, before } = fullMemory();
  memory.relabel(idOf(0), 'corrected');
  const after = image();
  const relabelled = new Map(samples).set(idOf(0), 'corrected');
  // First the new record in the spare slot, behind all others; it is synced before the old one is cleared.
  const spare = slotOffset(HOLDS, LATENT);
  const labels = new Set<string>();
  for (const torn of tearings(before, after, spare, after.length)) {
    const left = found(torn);
    labels.add(left.get(idOf(0))!);
    expect([samples, relabelled]).toContainEqual(left);
  }
  expect(labels).toEqual(new Set(['l0', 'corrected']));
  const written = Buffer.concat([before.subarray(0, spare), after.subarray(spare)]);
  for (const torn of tearings(written, after, SLOTS_OFFSET, slotOffset(1, LATENT))) {
    expect(found(torn)).toEqual(relabelled);
  }
  memory.close();
});

test('removing, torn at any byte, touches no other sample', () => {
  const { memory, samples, before } = fullMemory();
  memory.remove(idOf(3));
  const after = image();
  for (const torn of tearings(before, after, slotOffset(3, LATENT), slotOffset(4, LATENT))) {
    expect([samples, without(samples, idOf(3))]).toContainEqual(found(torn));
  }
  memory.close();
});

test('flushing, torn at any byte, touches no sample', () => {
  const { memory, before } = fullMemory();
  memory.add(sampleOf(100, LATENT, { label: 'l0', heldOut: false }));
  const added = image();
  const whole = content(memory);
  memory.flush();
  const after = image();
  expect(after.equals(added)).toBe(false);
  expect(before.length).toBe(after.length);
  for (const offset of STATE_OFFSETS) {
    for (const torn of tearings(added, after, offset, offset + STATE_BYTES))
      expect(found(torn)).toEqual(whole);
  }
  memory.close();
});

test('a smaller cap, cut short at any stage, does the rest when it is opened again', () => {
  // Eight samples in slots 9 to 23, all beyond the end of the smaller memory.
  const wide = open('wide', 24);
  for (let n = 0; n < 24; n++) wide.add(sampleOf(n, LATENT, { label: `l${n % 2}`, heldOut: false }));
  for (let n = 0; n < 24; n++) if (n % 2 === 0 || n < 9) wide.remove(idOf(n));
  wide.close();
  const before = readFileSync(scratch.path('wide'));
  writeFileSync(scratch.path('m'), before);
  const samples = found(before);
  expect([...samples.keys()].sort()).toEqual([9, 11, 13, 15, 17, 19, 21, 23].map(idOf).sort());
  open('m').close();
  const after = image();
  expect(after.length).toBe(slotOffset(HOLDS + 1, LATENT));
  // The copies are written and synced first, then the end is cut off.
  for (const torn of tearings(before, after, SLOTS_OFFSET, after.length))
    expect(found(torn)).toEqual(samples);
});
