import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Intake } from '../../src/agent/intake.js';
import { isHeldOut } from '../../src/replay/held-out.js';
import { scratchFolder } from '../store/scratch.js';
import { type Photograph, photographs } from './pictures.js';
import { type Bedrock, openBedrock, quiet, Rooms } from './rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
let rooms: Rooms;
let intake: Intake;
let labels: string[];
let rejects: { path: string; reason: string }[];

beforeAll(async () => {
  bedrock = await openBedrock();
});
afterAll(() => bedrock.trunk.close());

beforeEach(async () => {
  rooms = await Rooms.open(bedrock, scratch.path('store'));
  labels = [];
  rejects = [];
  intake = intakeOf(rooms);
});
afterEach(async () => {
  await intake.idle();
  await rooms.close();
});

function intakeOf({ store, memory, discriminants, recognizer }: Rooms, heldOut = 0.2): Intake {
  return new Intake({
    ...bedrock,
    store,
    memory,
    discriminants,
    classify: (latents, task) => recognizer.classify(latents, task),
    isolationOf: () => 'piggyback',
    heldOut,
    batch: 4,
    onLabel: ({ task }) => {
      labels.push(task);
      void recognizer.forget(task);
    },
    onRejected: (path, reason) => {
      rejects.push({ path, reason });
      store.rejects.add(path, reason);
    },
    log: quiet,
  });
}

const labelled = ({ file, bytes, label }: Photograph, task = 'goods') => ({ path: file, bytes, task, label });

it('keeps labelled pictures: in the memory, in the task, and counted as labels', async () => {
  const pictures = [...photographs('bag', 3), ...photographs('sandal', 3)];
  const kept = await Promise.all(pictures.map((p) => intake.deliver(labelled(p))));
  expect(kept.map((k) => k?.sample)).toEqual(pictures.map((p) => p.id));
  expect(rooms.store.tasks.require('goods').classes).toEqual(['bag', 'sandal']);
  expect(rooms.memory.refs({ task: 'goods' }).map((r) => [r.id, r.label])).toEqual(
    pictures.map((p) => [p.id, p.label]).sort(),
  );
  expect(labels).toEqual(Array(6).fill('goods'));
  await intake.idle();
  expect(intake.pending).toBe(0);
});

it('takes a picture that is delivered twice, at once or later, as one sample', async () => {
  const [picture] = photographs('bag', 1);
  const kept = await Promise.all([intake.deliver(labelled(picture!)), intake.deliver(labelled(picture!))]);
  kept.push(await intake.deliver({ ...labelled(picture!), path: '/elsewhere/copy.png' }));
  expect(kept.map((k) => k?.sample)).toEqual(Array(3).fill(picture!.id));
  expect(rooms.memory.stats().samples).toBe(1);
  expect(rooms.discriminants.get('goods')?.samples ?? 0).toBe(1);
  expect(labels).toEqual(['goods']);
  expect(rejects).toEqual([]);
});

it('sets a known picture with another label aside, and opens no class for it', async () => {
  const [picture] = photographs('bag', 1);
  await intake.deliver(labelled(picture!));
  expect(await intake.deliver({ ...labelled(picture!), label: 'boot' })).toBeUndefined();
  expect(await intake.deliver(labelled(picture!, 'other'))).toBeUndefined();
  expect(rejects.map((r) => r.reason)).toEqual([
    expect.stringContaining("kept before as 'bag' of task 'goods'"),
    expect.stringContaining("'bag' of task 'other' was not taken"),
  ]);
  expect(rooms.store.tasks.list().map((t) => [t.name, t.classes])).toEqual([['goods', ['bag']]]);
  expect(rooms.memory.refs().map((r) => r.label)).toEqual(['bag']);
});

it('sets broken pictures aside with the reason, and keeps those around them with the right latents', async () => {
  const good = photographs('bag', 5).filter((p) => !isHeldOut(p.id));
  const deliveries = good.flatMap((p, i) => [
    { ...labelled(p), path: `broken-${i}.png`, bytes: i === 0 ? Buffer.alloc(0) : p.bytes.subarray(0, 60) },
    labelled(p),
  ]);
  const kept = await Promise.all(deliveries.map((d) => intake.deliver(d)));
  expect(kept.map((k) => k?.sample)).toEqual(good.flatMap((p) => [undefined, p.id]));
  expect(rejects.map((r) => r.path)).toEqual(good.map((_, i) => `broken-${i}.png`));
  for (const { reason } of rejects) expect(reason).toMatch(/picture|image|empty|decode/i);
  expect(rooms.store.rejects.count()).toBe(good.length);

  // Alone, one by one, the same pictures have the same latents.
  const alone = await Rooms.open(bedrock, scratch.path('alone'));
  const other = intakeOf(alone);
  for (const p of good) await other.deliver(labelled(p));
  for (const p of good) {
    const [a, b] = [alone.memory.read(p), rooms.memory.read(p)];
    expect(a.length).toBe(b.length);
    const apart = a.filter((v, i) => Math.abs(v - b[i]!) > 1).length;
    expect(apart / a.length).toBeLessThan(0.01);
  }
  await alone.close();
});

it('holds one in five out by the hash of the picture, none of a class before four are learned', async () => {
  const classes = ['bag', 'sandal', 'trouser'].map((label) => photographs(label, 12));
  const pictures = classes.flat();
  await Promise.all(pictures.map((p) => intake.deliver(labelled(p))));
  const out = rooms.memory.refs({ heldOut: true }).map((r) => r.id);
  const wanted = classes.flatMap((of) => {
    let learned = 0;
    return of.flatMap(({ id }) => {
      if (isHeldOut(id, 0.2) && learned >= 4) return [id];
      learned++;
      return [];
    });
  });
  expect(out).toEqual(wanted.sort());
  expect(out.length).toBeGreaterThan(0);
  // The instant answer never sees them.
  expect(rooms.discriminants.get('goods')!.samples).toBe(pictures.length - out.length);
});

it('answers unlabelled pictures at once after the first labels, and gets better', async () => {
  const train = ['bag', 'sandal', 'trouser'].map((label) => photographs(label, 8));
  const asked = ['bag', 'sandal', 'trouser'].flatMap((label) => photographs(label, 5, { part: 'test' }));
  const ask = async () => {
    const kept = await Promise.all(
      asked.map((p) => intake.deliver({ path: p.file, bytes: p.bytes, task: 'goods' })),
    );
    return kept.map((k) => k!.answer);
  };
  expect(await ask()).toEqual(Array(15).fill(undefined));
  const few = train.flatMap((pictures) => pictures.filter((p) => !isHeldOut(p.id)).slice(0, 1));
  await Promise.all(few.map((p) => intake.deliver(labelled(p))));
  const first = await ask();
  expect(first.every((a) => a?.version === 'instant' && a.task === 'goods')).toBe(true);
  expect(first.filter((a, i) => a!.label === asked[i]!.label).length).toBeGreaterThanOrEqual(10);
  await Promise.all(train.flat().map((p) => intake.deliver(labelled(p))));
  const later = await ask();
  expect(later.filter((a, i) => a!.label === asked[i]!.label).length).toBeGreaterThanOrEqual(13);
  for (const a of later) {
    expect(a!.all.reduce((sum, c) => sum + c.probability, 0)).toBeCloseTo(1, 4);
    expect(a!.probability).toBe(a!.all[0]!.probability);
  }
  // Answering keeps nothing.
  expect(rooms.memory.stats().samples).toBe(24);
});

it.each([
  ['a label without a task', { task: undefined, label: 'bag' }, /a label needs a task/],
  ['a task that cannot be a topic', { task: 'no/good', label: 'bag' }, /'no\/good' cannot name a task/],
  ['a class of control characters', { task: 'goods', label: 'b\u0007g' }, /cannot be a class/],
  ['a class that is too long', { task: 'goods', label: 'x'.repeat(65) }, /65 bytes/],
])('sets %s aside', async (_, meaning, reason) => {
  const [picture] = photographs('bag', 1);
  expect(await intake.deliver({ path: 'p.png', bytes: picture!.bytes, ...meaning })).toBeUndefined();
  expect(rejects).toEqual([{ path: 'p.png', reason: expect.stringMatching(reason) }]);
  expect(rooms.memory.stats().samples).toBe(0);
});

it('sets labelled pictures of a closed task aside and leaves the task as it is', async () => {
  const [first, second] = photographs('bag', 2);
  await intake.deliver(labelled(first!));
  rooms.store.tasks.close('goods');
  expect(await intake.deliver({ ...labelled(second!), label: 'boot' })).toBeUndefined();
  expect(rejects[0]!.reason).toContain("Task 'goods' was closed");
  expect(rooms.store.tasks.require('goods').classes).toEqual(['bag']);
});

it('does not blame a picture for a database that cannot be written', async () => {
  const [picture] = photographs('bag', 1);
  rooms.store.database.pragma('query_only = ON');
  await expect(intake.deliver(labelled(picture!))).rejects.toMatchObject({ code: 'store-read-only' });
  rooms.store.database.pragma('query_only = OFF');
  expect(rejects).toEqual([]);
  // It is delivered again, and kept.
  expect(await intake.deliver(labelled(picture!))).toMatchObject({ sample: picture!.id });
  expect(readFileSync(scratch.path('store', 'replay.slab')).length).toBeGreaterThan(40_000);
});
