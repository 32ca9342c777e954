import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STATE_OFFSETS, slotOffset, smallestCap } from '../../src/replay/layout.js';
import { ReplayMemory, type ReplayOptions } from '../../src/replay/memory.js';
import { loadOrCreateKey } from '../../src/replay/vault.js';
import { scratchFolder } from '../store/scratch.js';
import { capFor, idOf, KEY, latentOf, sampleOf } from './fixture.js';

const scratch = scratchFolder();
const LATENT = 500;
const failing = (code: string, text = '') =>
  expect.objectContaining({ name: 'LichenError', code, message: expect.stringContaining(text) });

function open(options: Partial<ReplayOptions> & { holds?: number } = {}): ReplayMemory {
  const { holds = 50, ...rest } = options;
  return ReplayMemory.open({
    file: scratch.path('store', 'replay.slab'),
    capBytes: capFor(holds, LATENT),
    latentBytes: LATENT,
    key: KEY,
    seed: 1,
    ...rest,
  });
}

function expectWhole(memory: ReplayMemory): void {
  for (const ref of memory.refs()) {
    expect(Buffer.from(memory.read(ref)).equals(latentOf(ref.id, LATENT))).toBe(true);
  }
}

function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

test('samples come back as they were added, after a restart too', () => {
  let memory = open();
  const samples = Array.from({ length: 20 }, (_, n) =>
    sampleOf(n, LATENT, { task: n % 2 ? 'tops' : 'shoes', label: n % 3 ? 'a' : 'häßlich 👟' }),
  );
  for (const sample of samples) expect(memory.add(sample)).toEqual({ stored: true });
  const check = () => {
    const byId = samples.map(({ latent: _, ...ref }) => ref).sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(memory.refs()).toEqual(byId);
    expect(memory.refs({ task: 'tops', label: 'a', heldOut: false })).toEqual(
      byId.filter((ref) => ref.task === 'tops' && ref.label === 'a' && !ref.heldOut),
    );
    expectWhole(memory);
    expect(memory.stats().samples).toBe(20);
  };
  check();
  memory.close();
  memory = open();
  check();
  expect(memory.has(idOf(3))).toBe(true);
  expect(memory.has(idOf(20))).toBe(false);
  memory.close();
});

test('a sample that is here already changes nothing, with whatever label it comes again', () => {
  const memory = open();
  memory.add(sampleOf(1, LATENT));
  expect(memory.add(sampleOf(1, LATENT, { label: 'coat' }))).toEqual({ stored: true });
  expect(memory.refs().map(({ label }) => label)).toEqual(['shirt']);
  expect(memory.stats().perGroup.map(({ kept, seen }) => [kept, seen])).toEqual([[1, 1]]);
  memory.close();
});

test('a full memory says which sample made room, and keeps exactly its number', () => {
  const memory = open({ holds: 10 });
  const present = new Set<string>();
  for (let n = 0; n < 200; n++) {
    const { stored, evicted } = memory.add(sampleOf(n, LATENT, { label: `l${n % 3}` }));
    if (stored) present.add(idOf(n));
    if (evicted) expect(present.delete(evicted.id)).toBe(true);
    if (n >= 10 && stored)
      expect(evicted).toMatchObject({ task: 'tops', label: expect.stringMatching(/^l[012]$/) });
    expect(memory.refs().map(({ id }) => id)).toEqual([...present].sort());
  }
  expect(present.size).toBe(10);
  memory.close();
});

test('the same stream and seed keep the same samples, whether or not there was a restart at any place', () => {
  const run = (name: string, seed: number, restarts: boolean) => {
    let memory = open({ file: scratch.path(name), seed, holds: 20 });
    for (let n = 0; n < 300; n++) {
      memory.add(sampleOf(n, LATENT, { label: `l${n % 5 === 0 ? 1 : 0}` }));
      if (restarts && n % 7 === 0) {
        memory.close();
        memory = open({ file: scratch.path(name), seed, holds: 20 });
      }
    }
    const result = { refs: memory.refs(), groups: memory.stats().perGroup };
    memory.close();
    return result;
  };
  const once = run('a', 5, false);
  expect(run('b', 5, true)).toEqual(once);
  expect(run('c', 6, false).refs).not.toEqual(once.refs);
});

test('relabelling moves a sample with its latent, is on disk at once and needs no free room', () => {
  let memory = open({ holds: 12 });
  for (let n = 0; n < 12; n++) memory.add(sampleOf(n, LATENT, { label: 'a' }));
  memory.flush();
  for (let n = 0; n < 12; n += 2) memory.relabel(idOf(n), 'b');
  memory.relabel(idOf(0), 'b');
  expect(() => memory.relabel(idOf(99), 'b')).toThrow(failing('sample-gone', idOf(99)));
  expect(() => memory.relabel(idOf(1), 'x'.repeat(126))).toThrow(failing('sample-invalid', '130 bytes'));
  expect(() => memory.relabel(idOf(1), '')).toThrow(failing('sample-invalid'));
  // Left open as a crash would leave it: another handle reads what the disk holds.
  memory = open({ holds: 12 });
  expect(memory.stats()).toMatchObject({ samples: 12, damagedSlots: 0 });
  for (let n = 0; n < 12; n++) {
    expect(memory.refs({ label: n % 2 ? 'a' : 'b' }).some(({ id }) => id === idOf(n))).toBe(true);
  }
  expectWhole(memory);
  memory.close();
});

test('of the two records that a crash while relabelling leaves, the new one is true', () => {
  const file = scratch.path('r.slab');
  let memory = open({ file });
  memory.add(sampleOf(1, LATENT, { label: 'old' }));
  memory.flush();
  const before = readFileSync(file);
  memory.relabel(idOf(1), 'new');
  memory.close();
  // The old record lies in slot 0 again, as if the crash came before it was cleared.
  overwrite(file, slotOffset(0, LATENT), before.subarray(slotOffset(0, LATENT), slotOffset(1, LATENT)));
  memory = open({ file });
  expect(memory.refs().map(({ label }) => label)).toEqual(['new']);
  memory.close();
  memory = open({ file });
  expect(memory.stats()).toMatchObject({ samples: 1, damagedSlots: 0 });
  expectWhole(memory);
  memory.close();
});

test('what is removed is gone from the disk', () => {
  const memory = open();
  memory.add(sampleOf(1, LATENT));
  memory.add(sampleOf(2, LATENT, { label: 'coat' }));
  expect(memory.remove(idOf(1))).toBe(true);
  expect(memory.remove(idOf(1))).toBe(false);
  memory.flush();
  const slot = readFileSync(scratch.path('store', 'replay.slab')).subarray(
    slotOffset(0, LATENT),
    slotOffset(1, LATENT),
  );
  expect(slot.every((byte) => byte === 0)).toBe(true);
  expect(memory.stats().perGroup.map(({ label }) => label)).toEqual(['coat']);
  expect(() => memory.read({ id: idOf(1) })).toThrow(failing('sample-gone'));
  memory.close();
});

test('a smaller cap keeps a balanced part and a larger one keeps everything', () => {
  let memory = open({ holds: 60 });
  for (let n = 0; n < 60; n++) memory.add(sampleOf(n, LATENT, { label: n < 50 ? 'a' : 'b', heldOut: false }));
  memory.close();
  const large = memory60();
  memory = open({ holds: 20 });
  expect(memory.stats().perGroup.map(({ label, kept, seen }) => [label, kept, seen])).toEqual([
    ['a', 10, 50],
    ['b', 10, 10],
  ]);
  expect(statSync(scratch.path('store', 'replay.slab')).size).toBeLessThan(large);
  expect(memory.stats().usedBytes).toBeLessThanOrEqual(capFor(20, LATENT));
  expectWhole(memory);
  const kept = memory.refs();
  memory.close();
  memory = open({ holds: 100 });
  expect(memory.refs()).toEqual(kept);
  for (let n = 100; n < 180; n++) expect(memory.add(sampleOf(n, LATENT)).evicted).toBeUndefined();
  expect(memory.stats().samples).toBe(100);
  expectWhole(memory);
  memory.close();

  function memory60(): number {
    return statSync(scratch.path('store', 'replay.slab')).size;
  }
});

test('any sequence of calls and caps: never above the cap, and what is kept is whole', () => {
  const step = fc.oneof(
    { weight: 20, arbitrary: fc.record({ add: fc.nat(80), label: fc.constantFrom('a', 'a', 'b', 'c') }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat(80) }) },
    { weight: 2, arbitrary: fc.record({ relabel: fc.nat(80), label: fc.constantFrom('a', 'd') }) },
    { weight: 1, arbitrary: fc.record({ flush: fc.constant(true) }) },
    {
      weight: 1,
      arbitrary: fc.record({ cap: fc.integer({ min: smallestCap(LATENT), max: capFor(40, LATENT) }) }),
    },
  );
  let run = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, seed) => {
      const file = scratch.path(`p${run++}.slab`);
      let capBytes = capFor(12, LATENT);
      let memory = open({ file, capBytes, seed });
      const model = new Map<string, string>();
      for (const call of steps) {
        if ('add' in call) {
          const known = model.has(idOf(call.add));
          const { stored, evicted } = memory.add(sampleOf(call.add, LATENT, { label: call.label }));
          if (evicted) expect(model.delete(evicted.id)).toBe(true);
          if (stored && !known) model.set(idOf(call.add), call.label);
        } else if ('remove' in call) {
          expect(memory.remove(idOf(call.remove))).toBe(model.delete(idOf(call.remove)));
        } else if ('relabel' in call) {
          if (model.has(idOf(call.relabel))) {
            memory.relabel(idOf(call.relabel), call.label);
            model.set(idOf(call.relabel), call.label);
          }
        } else if ('cap' in call) {
          memory.close();
          capBytes = call.cap;
          memory = open({ file, capBytes, seed });
          for (const id of [...model.keys()]) if (!memory.has(id)) model.delete(id);
        } else {
          memory.flush();
        }
        const { usedBytes, diskBytes, indexBytes, samples, perGroup } = memory.stats();
        const { size, blocks } = statSync(file);
        expect(diskBytes).toBe(size);
        expect(Math.max(size, blocks * 512) + indexBytes).toBeLessThanOrEqual(capBytes);
        expect(usedBytes).toBe(diskBytes + indexBytes);
        expect(samples).toBe(model.size);
        expect(perGroup.reduce((sum, { kept }) => sum + kept, 0)).toBe(samples);
      }
      memory.close();
      memory = open({ file, capBytes, seed });
      expect(new Map(memory.refs().map(({ id, label }) => [id, label]))).toEqual(model);
      expectWhole(memory);
      memory.close();
    }),
    { seed: 9, numRuns: 60 },
  );
});

test('errors name what is wrong, and the file stays as it was', () => {
  const file = scratch.path('store', 'replay.slab');
  expect(() => open({ capBytes: smallestCap(LATENT) - 1 })).toThrow(
    failing('replay-cap-too-small', String(smallestCap(LATENT))),
  );
  expect(existsSync(file)).toBe(false);
  const memory = open({ capBytes: smallestCap(LATENT) });
  memory.add(sampleOf(1, LATENT));
  memory.close();
  const bytes = readFileSync(file);
  expect(() => open({ key: loadOrCreateKey(scratch.path('new.key')) })).toThrow(
    failing('replay-wrong-key', file),
  );
  expect(() => open({ latentBytes: LATENT + 1 })).toThrow(failing('replay-latent-size', '501'));
  expect(readFileSync(file).equals(bytes)).toBe(true);

  const damage = (offset: number, value: number) => {
    const copy = Buffer.from(bytes);
    copy[offset] = value;
    writeFileSync(scratch.path('damaged.slab'), copy);
    return () => open({ file: scratch.path('damaged.slab') });
  };
  expect(damage(0, 0)).toThrow(failing('replay-corrupt'));
  expect(damage(8, 2)).toThrow(failing('replay-newer', 'format 2'));
  expect(damage(20, bytes[20]! ^ 1)).toThrow(failing('replay-corrupt', 'header'));
  writeFileSync(scratch.path('short.slab'), bytes.subarray(0, 100));
  expect(() => open({ file: scratch.path('short.slab') })).toThrow(failing('replay-corrupt'));
  expect(() => open({ file: scratch.path('store') })).toThrow(failing('replay-unusable'));
});

test('samples that do not fit are refused and nothing else is lost', () => {
  const memory = open();
  memory.add(sampleOf(1, LATENT));
  const bad = (fields: object) => () => memory.add(sampleOf(2, LATENT, fields));
  expect(bad({ id: 'x' })).toThrow(failing('sample-id-invalid'));
  expect(bad({ latent: new Uint8Array(3) })).toThrow(failing('sample-invalid', '3 bytes'));
  expect(bad({ label: '' })).toThrow(failing('sample-invalid', 'empty'));
  expect(bad({ label: 'ß'.repeat(63) })).toThrow(failing('sample-invalid', '130 bytes'));
  expect(bad({ at: Number.NaN })).toThrow(failing('sample-invalid', 'NaN'));
  expect(memory.stats()).toMatchObject({ samples: 1 });
  memory.close();
  memory.close();
  expect(bad({})).toThrow(failing('replay-closed'));
  expect(() => memory.stats()).toThrow(failing('replay-closed'));
});

test('no more labels than the state can hold, and the memory goes on', () => {
  const memory = open({ holds: 1_100 });
  for (let n = 0; n < 1_000; n++) memory.add(sampleOf(n, LATENT, { label: `l${n}` }));
  expect(() => memory.add(sampleOf(1_000, LATENT, { label: 'one more' }))).toThrow(
    failing('replay-too-many-groups', 'one more'),
  );
  expect(
    memory.add(sampleOf(1_001, LATENT, { label: 'l3', heldOut: memory.refs({ label: 'l3' })[0]!.heldOut })),
  ).toEqual({
    stored: true,
  });
  memory.remove(idOf(0));
  expect(memory.add(sampleOf(1_000, LATENT, { label: 'one more' }))).toEqual({ stored: true });
  memory.close();
  const again = open({ holds: 1_100 });
  expect(again.stats().perGroup).toHaveLength(1_000);
  again.close();
});

test('a damaged slot costs one sample, at opening and while open', () => {
  const file = scratch.path('store', 'replay.slab');
  let memory = open();
  for (let n = 0; n < 10; n++) memory.add(sampleOf(n, LATENT));
  memory.close();
  overwrite(file, slotOffset(3, LATENT) + 200, Buffer.from('!!'));
  memory = open();
  expect(memory.stats()).toMatchObject({ samples: 9, damagedSlots: 1 });
  expect(memory.has(idOf(3))).toBe(false);
  overwrite(file, slotOffset(5, LATENT) + 200, Buffer.from('!!'));
  expect(() => memory.read({ id: idOf(5) })).toThrow(failing('sample-damaged', idOf(5)));
  expect(() => memory.read({ id: idOf(5) })).toThrow(failing('sample-gone'));
  expect(memory.add(sampleOf(3, LATENT))).toEqual({ stored: true });
  expect(memory.add(sampleOf(5, LATENT))).toEqual({ stored: true });
  expectWhole(memory);
  expect(memory.refs()).toHaveLength(10);
  memory.close();
});

test('a torn state page costs at most the counts since the one before; without both, no sample', () => {
  const file = scratch.path('store', 'replay.slab');
  let memory = open({ holds: 10 });
  for (let n = 0; n < 30; n++) {
    memory.add(sampleOf(n, LATENT, { heldOut: false }));
    memory.flush();
  }
  memory.close();
  const seen = () => memory.stats().perGroup[0]!.seen;
  overwrite(file, STATE_OFFSETS[0] + 40, Buffer.from('torn'));
  memory = open({ holds: 10 });
  expect([29, 30]).toContain(seen());
  memory.close();
  for (const offset of STATE_OFFSETS) overwrite(file, offset + 40, Buffer.from('torn'));
  memory = open({ holds: 10 });
  expect(seen()).toBe(10);
  expect(memory.stats().samples).toBe(10);
  expectWhole(memory);
  memory.close();
});

test('the file holds no latent, no label and no id in the clear', () => {
  const memory = open();
  memory.add(sampleOf(1, LATENT, { task: 'bathroom', label: 'somebody' }));
  memory.close();
  const bytes = readFileSync(scratch.path('store', 'replay.slab'));
  for (const clear of [
    'bathroom',
    'somebody',
    Buffer.from(idOf(1), 'hex'),
    Buffer.from(latentOf(idOf(1), 16)),
  ]) {
    expect(bytes.includes(clear)).toBe(false);
  }
});

test('what was written is counted, and a flush without changes writes nothing', () => {
  const memory = open();
  memory.add(sampleOf(1, LATENT));
  memory.flush();
  const { writtenBytes } = memory.stats();
  expect(writtenBytes).toBeGreaterThan(LATENT);
  memory.flush();
  expect(memory.stats().writtenBytes).toBe(writtenBytes);
  memory.close();
});
