import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { Guards } from '../../src/agent/guards.js';
import type { TrainedTask } from '../../src/agent/train-task.js';
import { Training, type TrainingOptions } from '../../src/agent/training.js';
import { sampleId } from '../../src/backbone/latents.js';
import { LichenError } from '../../src/errors.js';
import { deviceMethod } from '../../src/learn/device-method.js';
import { isHeldOut } from '../../src/replay/held-out.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, quiet, Rooms } from './rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
let pictures: Photograph[];
let latents: Uint8Array[];
let rooms: Rooms;
let training: Training;
/** What the training told, in order: 'start', 'trained' or an error's code, with the task. */
let told: string[];
let waiting: (() => void)[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal'].flatMap((label) => splitPhotographs(label, 5, 1));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());

beforeEach(async () => {
  rooms = await Rooms.open(bedrock, scratch.path('store'));
  told = [];
  waiting = [];
  training = open();
});
afterEach(async () => {
  await training.stop();
  await rooms.close();
});

function open(change: Partial<TrainingOptions> = {}): Training {
  const tell = (what: string) => {
    told.push(what);
    for (const look of waiting) look();
  };
  const { store, memory, discriminants } = rooms;
  return new Training({
    ...bedrock,
    store,
    memory,
    discriminants,
    methodOf: () => deviceMethod('piggyback'),
    learnerOf: () => ({ epochs: 1, batch: 8, seed: 1, threads: 1 }),
    newLabels: 10,
    quietMs: 50,
    allowed: async () => ({ ok: true }),
    onStart: (task) => tell(`start ${task}`),
    onProgress: () => {},
    onTrained: (task) => tell(`trained ${task}`),
    onFailed: (task, error) => tell(`${error instanceof LichenError ? error.code : String(error)} ${task}`),
    log: quiet,
    ...change,
  });
}

/** Resolves when this has been told so many times; rejects when a failure is told in its place. */
function heard(what: string, times = 1): Promise<void> {
  const heardBefore = told.length;
  return new Promise((resolve, reject) => {
    const look = () => {
      if (told.filter((t) => t === what).length >= times) resolve();
      else if (told.slice(heardBefore).some((t) => !/^(start|trained) /.test(t))) {
        reject(new Error(`waited for '${what}', was told: ${told.join(', ')}`));
      }
    };
    waiting.push(look);
    look();
  });
}

const keep = (task: string, from = 0, to = pictures.length) =>
  rooms.keep(task, pictures.slice(from, to), latents.slice(from, to));
const labels = (task: string, count: number) => {
  for (let i = 0; i < count; i++) training.label(task);
};

it('starts by itself with enough new labels, once, and then counts anew', async () => {
  await keep('goods');
  labels('goods', 12);
  await heard('trained goods');
  expect(told).toEqual(['start goods', 'trained goods']);
  expect(training.running).toBeUndefined();
  labels('goods', 9);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(told).toHaveLength(2);
  labels('goods', 1);
  await heard('trained goods', 2);
  expect(rooms.store.versions.list('goods')).toHaveLength(2);
});

it('waits until no label came for a while', async () => {
  await keep('goods');
  for (let i = 0; i < 15; i++) {
    training.label('goods');
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(told).toEqual([]);
  }
  await heard('trained goods');
});

it('counts labels of a failed training again: the class that was missing starts it', async () => {
  await keep('goods', 0, 6);
  labels('goods', 10);
  await heard('learn-no-samples goods');
  await keep('goods', 6);
  labels('goods', 1);
  await heard('trained goods');
});

it('takes up what an earlier start of the program kept and did not train on', async () => {
  await keep('goods');
  await keep('done');
  await training.train('goods');
  rooms.store.tasks.close('done');
  told.length = 0;
  const later = open();
  later.resume();
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(told).toEqual([]);
  // Labels of the first task's training count no more; new ones do.
  const more = splitPhotographs('trouser', 10, 2);
  await rooms.teach('goods', more);
  const last = open();
  last.resume();
  await heard('trained goods');
  await later.stop();
  await last.stop();
});

it('trains a task once that is asked for twice, and tasks one after the other', async () => {
  await keep('goods');
  rooms.store.tasks.create({ name: 'empty', isolation: 'piggyback', backbone: bedrock.backbone.id });
  const asked = [training.train('goods'), training.train('goods'), training.train('empty')];
  const [a, b, c] = await Promise.allSettled(asked);
  expect(a).toMatchObject({ status: 'fulfilled' });
  expect((b as PromiseFulfilledResult<TrainedTask>).value).toBe(
    (a as PromiseFulfilledResult<TrainedTask>).value,
  );
  expect(c).toMatchObject({ status: 'rejected', reason: { code: 'learn-no-samples' } });
  expect(told).toEqual(['start goods', 'trained goods', 'start empty', 'learn-no-samples empty']);
});

it('says why not, where the guards forbid it, and trains once they allow it', async () => {
  await keep('goods');
  const forbidden = agentConfigSchema.parse({ guards: { minFreeDisk: '1000000 GiB' } }).guards;
  let guards = new Guards(forbidden, { thermal: null });
  training = open({ allowed: () => guards.mayTrain(rooms.store.folder) });
  await expect(training.train('goods')).rejects.toMatchObject({
    code: 'training-not-now',
    message: expect.stringMatching(
      /^no training now: \d+ MiB are free on the disk of .*, training needs \d+ MiB$/,
    ),
  });
  expect(told).toEqual(['training-not-now goods']);
  expect(rooms.store.versions.list('goods')).toEqual([]);
  guards = new Guards(agentConfigSchema.parse({}).guards, { thermal: null });
  // The labels still count.
  labels('goods', 10);
  await heard('trained goods');
});

it('trains every open task that has new labels, and passes the others over', async () => {
  await keep('closed');
  rooms.store.tasks.close('closed');
  rooms.store.tasks.create({ name: 'empty', isolation: 'piggyback', backbone: bedrock.backbone.id });
  // Other pictures than the closed task's: a picture belongs to one task.
  await rooms.teach('goods', splitPhotographs('sneaker', 3, 0));
  await rooms.teach('goods', splitPhotographs('trouser', 3, 0));
  training.trainAll();
  await heard('trained goods');
  await new Promise((resolve) => setTimeout(resolve, 5));
  training.trainAll();
  await training.stop();
  expect(told).toEqual(['start goods', 'trained goods']);
  expect(Number(rooms.store.settings.get('trained-at:goods'))).toBeGreaterThan(0);
});

it('ends within a step when it is stopped, and leaves what answers as it was', async () => {
  await keep('goods');
  let steps = 0;
  training = open({
    learnerOf: () => ({ epochs: 10_000, batch: 8, seed: 1, threads: 1 }),
    onProgress: (task, progress) => {
      steps++;
      expect(training.running).toEqual({ task, progress, since: expect.any(Number) });
      if (steps === 3) void training.stop();
    },
  });
  await expect(training.train('goods')).rejects.toMatchObject({ code: 'learn-aborted' });
  expect(steps).toBe(3);
  await expect(training.train('goods')).rejects.toMatchObject({ code: 'learn-aborted' });
  expect(rooms.store.versions.list('goods')).toEqual([]);
  expect(rooms.store.settings.get('trained-at:goods')).toBeUndefined();
});

it('does not train a task that is unknown or closed', async () => {
  await keep('goods');
  rooms.store.tasks.close('goods');
  await expect(training.train('goods')).rejects.toMatchObject({ code: 'task-closed' });
  await expect(training.train('none')).rejects.toMatchObject({ code: 'task-unknown' });
});

it('trains tasks of one network by the learner that they have in common, each by its own method', async () => {
  await training.stop();
  const methods = { goods: 'er', more: 'gem' } as Record<string, string>;
  const shared = { settings: {}, rate: 3e-4, forgetting: 1 };
  training = open({ methodOf: (task) => deviceMethod(methods[task]!), shared });
  const trained: TrainedTask[] = [];
  for (const task of Object.keys(methods)) {
    // Nothing is held out, so that what was trained is taken over.
    const part = pictures.flatMap((p, i) => (isHeldOut(p.id) ? [] : [i]));
    await rooms.keep(
      task,
      part.map((i) => ({ ...pictures[i]!, id: sampleId(Buffer.from(`${task}${i}`)) })),
      part.map((i) => latents[i]!),
      'shared',
    );
    for (const ref of rooms.memory.refs({ task, heldOut: true })) rooms.memory.remove(ref.id);
    trained.push(await training.train(task));
  }
  expect(trained.map((t) => [t.promoted, t.version.isolation, t.version.metrics.method])).toEqual([
    [true, 'shared', 'er'],
    [true, 'shared', 'gem'],
  ]);
  expect(trained[1]!.affected.map((a) => a.task)).toEqual(['goods']);
  expect(rooms.store.versions.current('goods')).toMatchObject({ number: 2, metrics: { changedBy: 'more' } });
  expect(rooms.store.learnerStates.list()).toMatchObject([{ learner: 'shared', number: 2, method: 'gem' }]);
});
