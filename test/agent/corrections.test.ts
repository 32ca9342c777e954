import { afterAll, beforeAll, expect, it } from 'vitest';
import { RecentLabels } from '../../src/agent/recent-labels.js';
import { Training } from '../../src/agent/training.js';
import { verifyStore } from '../../src/agent/verify.js';
import { deviceMethod } from '../../src/learn/device-method.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, photographs, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, quiet, Rooms } from './rooms.js';

/** Classes that are hard to tell apart: with few samples many photographs are answered wrongly. */
const CLASSES = ['shirt', 'tshirt', 'coat'];
const scratch = scratchFolder();
let bedrock: Bedrock;
let pictures: Photograph[];
let latents: Uint8Array[];
/** Photographs that nothing is trained on. */
let others: Photograph[];
let unseen: Uint8Array[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = CLASSES.flatMap((label) => splitPhotographs(label, 8, 2, 'tops'));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
  others = CLASSES.flatMap((label) => photographs(label, 20, { task: 'tops', part: 'test' }));
  unseen = await latentsOf(bedrock.backbone, bedrock.trunk, others);
});
afterAll(() => bedrock.trunk.close());

/** A device whose task runs a trained version. */
class Device {
  readonly rooms: Rooms;
  readonly recognizer: Recognizer;

  private constructor(rooms: Rooms) {
    this.rooms = rooms;
    const recent = new RecentLabels(rooms.store, rooms.memory);
    this.recognizer = new Recognizer(bedrock.engine, bedrock.backbone, rooms.store, {
      live: (task) => rooms.discriminants.get(task),
      hurry: true,
      recentLabels: (task) => recent.of(task),
    });
  }

  static async open(): Promise<Device> {
    return new Device(await Rooms.open(bedrock, scratch.path('store')));
  }

  static async trained(): Promise<Device> {
    const device = await Device.open();
    await device.rooms.keep('tops', pictures, latents);
    const version = await device.train(1);
    // The gate compares with the instant answer on six samples; here the version is to answer in any case.
    if (!version.promoted) device.rooms.store.versions.promote('tops', version.version.id, 'test');
    return device;
  }

  async train(seed: number) {
    const { store, memory, discriminants } = this.rooms;
    const training = new Training({
      ...{ engine: bedrock.engine, backbone: bedrock.backbone, store, memory, discriminants },
      methodOf: () => deviceMethod('piggyback'),
      learnerOf: () => ({ epochs: 2, batch: 8, seed, threads: 1 }),
      ...{ newLabels: 1000, quietMs: 50, allowed: async () => ({ ok: true }) as const, log: quiet },
      ...{ onStart: () => {}, onProgress: () => {}, onTrained: () => {}, onFailed: () => {} },
    });
    const trained = await training.train('tops');
    await training.stop();
    await this.recognizer.forget('tops');
    return trained;
  }

  /** The owner says what a photograph shows. */
  async label(index: number, label: string, heldOut = false): Promise<void> {
    const { memory, discriminants } = this.rooms;
    const sample = { id: others[index]!.id, task: 'tops', label, heldOut, at: Date.now() };
    memory.add({ ...sample, latent: unseen[index]! });
    if (!heldOut) await discriminants.add([{ ...sample, latent: unseen[index]! }]);
    memory.flush();
    await this.recognizer.labelled('tops', heldOut ? undefined : { ...sample, latent: unseen[index]! });
  }

  classify() {
    return this.recognizer.classify(unseen, 'tops');
  }

  async close(): Promise<void> {
    await this.recognizer.close();
    this.rooms.discriminants.save();
    await this.rooms.close();
  }
}

it('a label turns a wrong answer of a trained version at once, and stays over a restart and a rollback as it should', async () => {
  let device = await Device.trained();
  const { store } = device.rooms;
  const version = store.versions.current('tops')!;
  const before = await device.classify();
  const wrong = before.flatMap((a, i) => (a.label === others[i]!.label ? [] : [i]));
  expect(wrong.length).toBeGreaterThan(4);
  const right = before.length - wrong.length;
  for (const i of wrong.slice(0, 4)) {
    await device.label(i, others[i]!.label);
    const [answer] = await device.recognizer.classify([unseen[i]!], 'tops');
    expect(answer).toMatchObject({ label: others[i]!.label, version: version.number });
  }
  const after = await device.classify();
  for (const i of wrong.slice(0, 4)) expect(after[i]!.label).toBe(others[i]!.label);
  // What was labelled is not paid for by what was not.
  expect(after.filter((a, i) => a.label === others[i]!.label).length).toBeGreaterThanOrEqual(right + 3);
  for (const a of after) expect(a.all.reduce((sum, c) => sum + c.probability, 0)).toBeCloseTo(1, 5);

  // The version is as it was: its file, the digest of its answers, and what it answers by itself.
  expect(store.versions.current('tops')).toEqual(version);
  expect((await verifyStore(bedrock.engine, bedrock.backbone, store, 'tops'))[0]).toMatchObject({ ok: true });
  const plain = new Recognizer(bedrock.engine, bedrock.backbone, store);
  expect(await plain.classify(unseen, 'tops')).toEqual(before);
  await plain.close();

  await device.close();
  device = await Device.open();
  const again = await device.classify();
  expect(again.map((a) => a.label)).toEqual(after.map((a) => a.label));

  // Away and back: bit for bit what the version was.
  device.rooms.store.versions.promote('tops', null, 'test');
  await new Promise((resolve) => setTimeout(resolve, 2));
  device.rooms.store.versions.rollback('tops');
  await device.recognizer.forget('tops');
  expect(await device.classify()).toEqual(before);
  await device.close();
});

it('a held-out label changes nothing, nor one of a closed task; a changed label counts, and one taken back no more', async () => {
  let device = await Device.trained();
  const before = await device.classify();
  const wrong = before.flatMap((a, i) => (a.label === others[i]!.label ? [] : [i]));
  await device.label(wrong[0]!, others[wrong[0]!]!.label, true);
  expect(await device.classify()).toEqual(before);

  // A sample that the version was trained on gets another label.
  const { memory, discriminants } = device.rooms;
  const ref = memory.refs({ task: 'tops', label: 'coat', heldOut: false })[0]!;
  const latent = memory.read(ref);
  expect((await device.recognizer.classify([latent], 'tops'))[0]!.label).toBe('coat');
  memory.relabel(ref.id, 'shirt');
  await discriminants.remove([{ ...ref, latent }]);
  await discriminants.add([{ ...ref, label: 'shirt', latent }]);
  await device.recognizer.forget('tops');
  expect((await device.recognizer.classify([latent], 'tops'))[0]!.label).toBe('shirt');
  await device.close();
  device = await Device.open();
  expect((await device.recognizer.classify([latent], 'tops'))[0]!.label).toBe('shirt');

  const taken = wrong[1]!;
  await device.label(taken, others[taken]!.label);
  expect((await device.classify())[taken]!.label).toBe(others[taken]!.label);
  device.rooms.memory.remove(others[taken]!.id);
  await device.rooms.discriminants.remove([
    { task: 'tops', label: others[taken]!.label, latent: unseen[taken]! },
  ]);
  await device.recognizer.forget('tops');
  expect((await device.classify())[taken]!.label).toBe(before[taken]!.label);

  device.rooms.store.tasks.close('tops');
  await device.recognizer.forget('tops');
  expect(await device.classify()).toEqual(before);
  await device.close();
});

it('a training takes the labels over: its version begins without any beside it', async () => {
  const device = await Device.trained();
  const before = await device.classify();
  const wrong = before.flatMap((a, i) => (a.label === others[i]!.label ? [] : [i])).slice(0, 4);
  for (const i of wrong) await device.label(i, others[i]!.label);
  const recent = new RecentLabels(device.rooms.store, device.rooms.memory);
  expect(recent.of('tops').map((l) => l.id)).toEqual(wrong.map((i) => others[i]!.id));
  const { promoted, version } = await device.train(2);
  if (promoted) {
    expect(recent.of('tops')).toEqual([]);
    const plain = new Recognizer(bedrock.engine, bedrock.backbone, device.rooms.store);
    expect(await device.classify()).toEqual(await plain.classify(unseen, 'tops'));
    await plain.close();
    expect(device.rooms.store.versions.current('tops')!.id).toBe(version.id);
  } else expect(recent.of('tops')).toHaveLength(wrong.length);
  await device.close();
});

it('turns a wrong instant answer at once, too, and for good once the covariance is there', async () => {
  const device = await Device.open();
  await device.rooms.keep('tops', pictures, latents);
  const before = await device.classify();
  await device.recognizer.settled();
  const wrong = before.flatMap((a, i) => (a.label === others[i]!.label ? [] : [i])).slice(0, 6);
  expect(wrong.length).toBeGreaterThan(3);
  for (const i of wrong) {
    await device.label(i, others[i]!.label);
    const [answer] = await device.recognizer.classify([unseen[i]!], 'tops');
    expect(answer).toMatchObject({ label: others[i]!.label, version: 'instant' });
  }
  const labels = async () => (await device.classify()).map((a) => a.label);
  const atOnce = await labels();
  for (const i of wrong) expect(atOnce[i]).toBe(others[i]!.label);
  await device.recognizer.settled();
  const settled = await labels();
  for (const i of wrong) expect(settled[i]).toBe(others[i]!.label);
  await device.close();
});
