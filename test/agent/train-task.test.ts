import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Growth } from '../../src/agent/growth.js';
import { type TrainTaskOptions, trainTask } from '../../src/agent/train-task.js';
import { type Adapter, decodeAdapter } from '../../src/learn/adapter.js';
import type { LabelledLatent } from '../../src/learn/candidate.js';
import type { Isolation } from '../../src/store/tasks.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
/** Two classes that are hard to tell apart. */
let pictures: Photograph[];
let latents: Uint8Array[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['shirt', 'tshirt'].flatMap((label) => splitPhotographs(label, 10, 12, 'tops'));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());

class Workshop {
  readonly rooms: Rooms;

  constructor(rooms: Rooms) {
    this.rooms = rooms;
  }

  static async open(folder = 'store'): Promise<Workshop> {
    return new Workshop(await Rooms.open(bedrock, scratch.path(folder)));
  }

  async taught(task = 'tops', isolation: Isolation = 'piggyback'): Promise<this> {
    await this.rooms.keep(task, pictures, latents, isolation);
    return this;
  }

  train(
    task: string,
    seed: number,
    samples = this.rooms.samples(task),
    change: Partial<TrainTaskOptions> = {},
  ) {
    const { engine, backbone } = bedrock;
    const found = this.rooms.store.tasks.require(task);
    return trainTask(engine, backbone, this.rooms.store, found, samples, {
      isolation: found.isolation,
      rehearsal: 'er',
      learner: { epochs: 2, batch: 8, seed, threads: 1 },
      ...change,
    });
  }

  adapter(id: number) {
    return decodeAdapter(this.rooms.store.versions.adapter(id));
  }
}

/** What was trained, as text that compares quickly. */
const bytesOf = ({ tensors }: Pick<Adapter, 'tensors'>) =>
  [...tensors].map(([name, t]) => [name, createHash('sha256').update(t.data).digest('hex')]);

it('promotes a candidate only where it beats the instant answer and the version that answers now', async () => {
  const workshop = await (await Workshop.open()).taught();
  const { versions } = workshop.rooms.store;
  const outcomes: boolean[] = [];
  let best: number | undefined;
  for (const seed of [2, 1]) {
    const before = versions.current('tops');
    const { version, promoted, reason, candidate, instant } = await workshop.train('tops', seed);
    const mine = candidate.heldOutAccuracy!;
    expect(candidate).toMatchObject({ trainSamples: 20, heldOutSamples: pictures.length - 20 });
    expect(promoted).toBe(mine > instant.heldOutAccuracy! && mine > (best ?? -1));
    expect(reason).toMatch(/^\d+\.\d % held out, (the instant answer|version \d) \d+\.\d %$/);
    expect(versions.current('tops')?.id).toBe(promoted ? version.id : before?.id);
    expect(versions.require(version.id).state).toBe(promoted ? 'promoted' : 'candidate');
    expect(version.metrics).toMatchObject({
      heldOutAccuracy: mine,
      instantAccuracy: instant.heldOutAccuracy,
    });
    if (promoted) best = mine;
    outcomes.push(promoted);
  }
  // Both happened.
  expect(new Set(outcomes).size).toBe(2);
  expect(versions.list('tops').map((v) => v.number)).toEqual([1, 2]);
  await workshop.rooms.close();
});

it('never trains on what is held out: other held-out samples leave the masks bit for bit the same', async () => {
  const workshop = await (await Workshop.open()).taught();
  const samples = workshop.rooms.samples('tops');
  const other = await (await Workshop.open('other')).taught();
  const nonsense = (s: LabelledLatent): LabelledLatent =>
    s.heldOut ? { ...s, latent: s.latent.map((v) => 255 - v), label: 1 - s.label } : s;
  const a = await workshop.train('tops', 5, samples);
  const b = await other.train('tops', 5, samples.map(nonsense));
  expect(a.candidate).toMatchObject({ epochs: 2, epochsAllowed: 2, ended: 'epochs' });
  const [x, y] = [workshop.adapter(a.version.id), other.adapter(b.version.id)];
  // Which head is better on them may differ, and with it whether what only the softmax head reads is kept.
  const shared = (of: Adapter, by: Adapter) =>
    bytesOf({ tensors: new Map([...of.tensors].filter(([name]) => by.tensors.has(name))) });
  expect(shared(x, y).length).toBeGreaterThan(5);
  expect(shared(y, x)).toEqual(shared(x, y));
  expect(a.candidate.losses).toEqual(b.candidate.losses);
  // Whereas a training sample more or less changes them.
  const less = samples.filter((s, i) => s.heldOut || i !== samples.findIndex((t) => !t.heldOut));
  const c = await other.train('tops', 5, less);
  const z = other.adapter(c.version.id);
  expect(shared(z, x).length).toBeGreaterThan(5);
  expect(shared(z, x)).not.toEqual(shared(x, z));
  await workshop.rooms.close();
  await other.rooms.close();
});

it('promotes without comparing where nothing is held out, and gives the same bits for the same seed', async () => {
  const workshop = await (await Workshop.open()).taught();
  const samples = workshop.rooms.samples('tops').filter((s) => !s.heldOut);
  const first = await workshop.train('tops', 7, samples);
  const again = await workshop.train('tops', 7, samples);
  expect(first).toMatchObject({ promoted: true, reason: 'nothing was held out to compare by' });
  expect(first.candidate.heldOutAccuracy).toBeNull();
  expect(again.version).toMatchObject({ sha256: first.version.sha256, digest: first.version.digest });
  await workshop.rooms.close();
});

it('grows a column beside the columns of earlier tasks, and records which ones', async () => {
  const workshop = await (await Workshop.open()).taught('first', 'pnn');
  const { store, memory } = workshop.rooms;
  const samples = workshop.rooms.samples('first').filter((s) => !s.heldOut);
  const learner = { epochs: 1, batch: 8, seed: 1, threads: 1 };
  const first = await workshop.train('first', 1, samples, { learner });
  expect(first.version).toMatchObject({ isolation: 'pnn', requires: [] });
  store.tasks.create({
    name: 'second',
    isolation: 'pnn',
    backbone: bedrock.backbone.id,
    classes: ['a', 'b'],
  });
  const second = await workshop.train('second', 1, samples, { learner });
  expect(second.version.requires).toEqual([{ task: 'first', version: 1, sha256: first.version.sha256 }]);
  expect(() => store.versions.delete(first.version.id)).toThrow(/cannot be deleted/);
  expect(memory.stats().samples).toBe(pictures.length);
  await workshop.rooms.close();
});

it('writes nothing where it is stopped, or where there is too little to learn from', async () => {
  const workshop = await (await Workshop.open()).taught();
  const { store } = workshop.rooms;
  const samples = workshop.rooms.samples('tops');
  const stop = new AbortController();
  let steps = 0;
  const stopped = workshop.train('tops', 1, samples, {
    signal: stop.signal,
    onProgress: () => {
      steps++;
      stop.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: 'learn-aborted' });
  expect(steps).toBe(1);
  const oneClass = samples.filter((s) => s.label === 0 || s.heldOut);
  await expect(workshop.train('tops', 1, oneClass)).rejects.toMatchObject({
    code: 'learn-no-samples',
    message: expect.stringContaining("no sample to train on for class 'tshirt'"),
  });
  expect(store.versions.list('tops')).toEqual([]);
  expect(store.versions.current('tops')).toBeUndefined();
  await workshop.rooms.close();
});

it('grows a column only where the mask does not do, and within its bytes', async () => {
  const workshop = await (await Workshop.open('growth')).taught();
  const train = (growth: Growth) =>
    workshop.train('tops', 1, undefined, { growth, learner: { epochs: 1, batch: 8, seed: 1, threads: 1 } });
  const columnBytes = 4 * 2 ** 20;
  // Any mask is good enough that may be as bad as it likes.
  const masked = await train({ margin: 0, columnBytes: 0 });
  const instant = masked.instant.heldOutAccuracy!;
  if (masked.candidate.heldOutAccuracy! >= instant) {
    expect(masked).toMatchObject({ version: { isolation: 'piggyback' } });
    expect(masked.reason).toMatch(/a mask is enough, -?\d+\.\d points/);
  } else {
    expect(masked.reason).toMatch(/a column would take \d+ bytes, and 0 are allowed/);
  }
  // A mask after one epoch never is all that the instant answer lacks.
  const refused = await train({ margin: 1, columnBytes: 1000 });
  expect(refused.version.isolation).toBe('piggyback');
  expect(refused.reason).toMatch(/; a column would take \d{6} bytes, and 1000 are allowed/);
  const grown = await train({ margin: 1, columnBytes });
  const [, mask, column] = /mask (\d+\.\d) %, column (\d+\.\d) %$/.exec(grown.reason)!;
  expect(grown.version.isolation).toBe(Number(column) > Number(mask) ? 'pnn' : 'piggyback');
  expect(grown.candidate.heldOutAccuracy).toBeCloseTo(Math.max(Number(mask), Number(column)) / 100, 3);
  expect(workshop.adapter(grown.version.id).isolation).toBe(grown.version.isolation);
});
