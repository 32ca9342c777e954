import { afterAll, beforeAll, expect, it } from 'vitest';
import { closeTask } from '../../src/agent/close-task.js';
import { trainTask } from '../../src/agent/train-task.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
let pictures: Photograph[];
let latents: Uint8Array[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal'].flatMap((label) => splitPhotographs(label, 5, 1));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());

async function taught(): Promise<Rooms> {
  const rooms = await Rooms.open(bedrock, scratch.path('store'));
  await rooms.keep('goods', pictures, latents);
  rooms.discriminants.save();
  return rooms;
}
const close = (rooms: Rooms, task: string, accuracy?: number) =>
  closeTask(bedrock.engine, bedrock.backbone, rooms.store, task, accuracy);
const train = (rooms: Rooms) => {
  const samples = rooms.samples('goods').filter((s) => !s.heldOut);
  const task = rooms.store.tasks.require('goods');
  return trainTask(bedrock.engine, bedrock.backbone, rooms.store, task, samples, {
    isolation: 'piggyback',
    rehearsal: 'er',
    learner: { epochs: 1, batch: 8, seed: 1, threads: 1 },
  });
};

it('keeps the instant answer as a version with a digest, and later labels change nothing any more', async () => {
  const rooms = await taught();
  const before = await rooms.recognizer.classify(latents, 'goods');
  const version = await close(rooms, 'goods', 0.75);
  expect(version).toMatchObject({
    number: 1,
    isolation: 'frozen',
    classes: ['bag', 'sandal'],
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    metrics: { trainSamples: 10, heldOutAccuracy: 0.75 },
  });
  expect(rooms.store.versions.current('goods')?.id).toBe(version!.id);
  await rooms.recognizer.forget('goods');
  const after = await rooms.recognizer.classify(latents, 'goods');
  expect(after.map((a) => [a.label, a.version])).toEqual(before.map((a) => [a.label, 1]));
  // Computed by another network, in other order.
  after.forEach((a, i) => {
    for (const { label, probability } of before[i]!.all) {
      expect(a.all.find((o) => o.label === label)!.probability).toBeCloseTo(probability, 5);
    }
  });

  await rooms.discriminants.add(
    rooms.memory.refs().map((r) => ({ ...r, label: 'bag', latent: rooms.memory.read(r) })),
  );
  rooms.discriminants.save();
  await rooms.recognizer.forget('goods');
  expect(await rooms.recognizer.classify(latents, 'goods')).toEqual(after);
  await expect(train(rooms)).rejects.toMatchObject({ code: 'task-closed' });
  expect(() => rooms.store.versions.rollback('goods')).toThrow(/was closed/);
  await rooms.close();
});

it('closes on the version that the task runs', async () => {
  const rooms = await taught();
  const { version } = await train(rooms);
  expect((await close(rooms, 'goods'))!.id).toBe(version.id);
  expect(rooms.store.versions.list('goods')).toHaveLength(1);
  // Again: nothing changes.
  const { closedAt } = rooms.store.tasks.require('goods');
  expect((await close(rooms, 'goods'))!.id).toBe(version.id);
  expect(rooms.store.tasks.require('goods').closedAt).toBe(closedAt);
  await rooms.close();
});

it('closes on a version that was promoted while it worked', async () => {
  const rooms = await taught();
  const trained = await train(rooms);
  rooms.store.versions.promote('goods', null, 'as it was when closing began');
  const closing = close(rooms, 'goods');
  rooms.store.versions.promote('goods', trained.version.id, 'a training ended');
  expect((await closing)!.id).toBe(trained.version.id);
  expect(rooms.store.versions.current('goods')?.id).toBe(trained.version.id);
  expect(rooms.store.tasks.require('goods').closedAt).toBeDefined();
  await rooms.close();
});

it('closes a task that learned nothing, and none that is not there', async () => {
  const rooms = await taught();
  rooms.store.tasks.create({ name: 'empty', isolation: 'pnn', backbone: bedrock.backbone.id });
  expect(await close(rooms, 'empty')).toBeUndefined();
  expect(rooms.store.tasks.require('empty').closedAt).toBeDefined();
  await expect(close(rooms, 'none')).rejects.toMatchObject({ code: 'task-unknown' });
  await rooms.close();
});
