import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Teaching } from '../../src/agent/teaching.js';
import { Actions } from '../../src/label/actions.js';
import { Questions } from '../../src/label/questions.js';
import { LabelQueue } from '../../src/label/queue.js';
import type { Frame } from '../../src/label/recent-frames.js';
import { RecentFrames } from '../../src/label/recent-frames.js';
import { Sealed } from '../../src/label/sealed.js';
import { shownPicture } from '../../src/label/shown.js';
import { Teacher } from '../../src/label/teacher.js';
import { Thumbnails } from '../../src/label/thumbnails.js';
import { keyFileOf } from '../../src/store/store.js';
import { latentsOf, type Photograph, photographs } from '../agent/pictures.js';
import { type Bedrock, openBedrock, Rooms } from '../agent/rooms.js';
import { rejectionOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';
import { DAY } from './queue-rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
/** Two bags, two sandals, and one of each of four other kinds. */
let pictures: Photograph[];
let latents: Uint8Array[];
let rooms: Rooms;
let queue: LabelQueue;
let frames: RecentFrames;
let actions: Actions;
let thumbnails: Thumbnails;
let teacher: Teacher;
let looked: [source: string, right: boolean, by: number][];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = [
    ...['bag', 'sandal'].flatMap((kind) => photographs(kind, 2)),
    ...['trouser', 'sneaker', 'ankle-boot'].map((kind) => photographs(kind, 1)[0]!),
    ...photographs('dress', 1, { task: 'tops' }),
  ];
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());

async function open(): Promise<void> {
  rooms = await Rooms.open(bedrock, scratch.path('store'));
  const { store, memory, recognizer } = rooms;
  const { database } = store;
  const sealed = new Sealed(store.settings, keyFileOf(store.folder));
  queue = new LabelQueue({
    questions: new Questions(database, sealed),
    ...{ codec: bedrock.backbone.latentCodec, perDay: 20, keep: 7 * DAY, shown: shownPicture },
    answers: async (asked) => asked.map(() => undefined),
    trust: () => 0.8,
  });
  frames = new RecentFrames();
  actions = new Actions(database, sealed);
  thumbnails = new Thumbnails(database, sealed);
  looked = [];
  const teaching = new Teaching(rooms, undefined as never, recognizer);
  teacher = new Teacher({
    learning: {
      // The agent's intake does the same, and needs an agent.
      learn: async ({ sample, task, label, latent }) => {
        const [picture] = pictures.filter((p) => p.id === sample);
        await rooms.keep(task, [{ ...picture!, label }], [latent]);
        await recognizer.forget(task);
      },
      relabel: (sample, label) => teaching.relabel(sample, label),
      unlearn: (sample) => teaching.unlearn(sample),
      // One sample is too few for an answer, and here nobody looks at it.
      answer: async () => undefined,
    },
    ...{ memory, queue, frames, actions, thumbnails },
    looked: (source, right, by) => looked.push([source, right, by]),
    answered: () => {},
    changed: () => {},
  });
}
beforeEach(open);
afterEach(async () => {
  await teacher.idle();
  await rooms.close();
});

const idOf = (k: number) => pictures[k]!.id;
function pass(k: number): void {
  const { id, bytes } = pictures[k]!;
  const frame: Frame = {
    ...{ sample: id, source: 'cam', at: k, bytes, latent: latents[k]! },
    ...{ answer: undefined, smoothed: undefined },
  };
  frames.add(frame);
}
const label = (k: number, name: string) => {
  pass(k);
  return teacher.label(idOf(k), 'goods', name);
};
const ask = async (k: number, weak?: { label: string; source: string }) => {
  const { id, bytes } = pictures[k]!;
  const seen = { sample: id, source: 'cam', at: k, bytes, latent: latents[k]!, answer: undefined };
  await queue.offer({ ...seen, ...(weak && { weak }) });
  await queue.ask(1000);
};
/** All that teaching may change. */
const state = () => ({
  kept: rooms.memory
    .refs()
    .map((r) => `${r.id} ${r.label}`)
    .sort(),
  classes: [...(rooms.store.tasks.get('goods')?.classes ?? [])],
  learned: rooms.discriminants.get('goods')?.samples ?? 0,
  waiting: queue
    .cards()
    .map((c) => c.sample)
    .sort(),
  thumbnails: [...thumbnails.samples()].sort(),
});
const undo = () => teacher.undo(teacher.undoable!.id);

describe('undoing', () => {
  it('takes back everything, one thing after the other, to what was there at first', async () => {
    await label(0, 'bag');
    await label(2, 'sandal');
    for (const k of [4, 5, 6]) await ask(k);
    const states = [state()];
    const kinds: string[] = [];
    for (const work of [
      () => label(3, 'shoe'),
      () => teacher.label(idOf(4), 'goods', 'trouser'),
      () => teacher.label(idOf(0), 'goods', 'sack'),
      () => teacher.settle(idOf(5), 'bad'),
      () => teacher.settle(idOf(6), 'skipped'),
      () => teacher.remove(idOf(4)),
    ]) {
      await work();
      kinds.push(teacher.undoable!.kind);
      states.push(state());
    }
    expect(kinds).toEqual(['label', 'label', 'relabel', 'bad', 'skip', 'remove']);
    expect(new Set(states.map((s) => JSON.stringify(s))).size).toBe(states.length);
    expect(states[3]!.classes).toEqual(expect.arrayContaining(['sack', 'shoe', 'trouser']));
    // Half of it after a restart.
    for (let k = states.length - 2; k >= 0; k--) {
      if (k === 2) {
        await rooms.close();
        await open();
      }
      await undo();
      const { thumbnails: small, classes, ...rest } = state();
      const { thumbnails: before, classes: known, ...expected } = states[k]!;
      expect(rest).toEqual(expected);
      expect(classes.sort()).toEqual(known.sort());
      expect(small).toEqual(expect.arrayContaining(before));
    }
    expect(teacher.undoable).toMatchObject({ kind: 'label', label: 'sandal' });
  });

  it('is of the last thing only', async () => {
    const first = await label(0, 'bag');
    const second = await label(2, 'sandal');
    expect((await rejectionOf(teacher.undo(first.undo.id))).code).toBe('undo-other');
    await teacher.undo(second.undo.id);
    expect((await rejectionOf(teacher.undo(second.undo.id))).code).toBe('undo-other');
    await teacher.undo(first.undo.id);
    expect(teacher.undoable).toBeUndefined();
    expect(state()).toEqual({ kept: [], classes: [], learned: 0, waiting: [], thumbnails: [] });
  });

  it('takes a recording back as one', async () => {
    teacher.record({ source: 'cam', task: 'goods', label: 'things', pictures: 3 });
    expect(teacher.recording).toEqual({
      ...{ source: 'cam', task: 'goods', label: 'things' },
      ...{ taken: 0, pictures: 3 },
    });
    for (const k of [0, 1, 1, 2, 3]) {
      pass(k);
      await teacher.recordFrame('cam', idOf(k));
    }
    expect(teacher.recording).toBeUndefined();
    expect(state().kept).toHaveLength(3);
    expect(teacher.undoable).toMatchObject({ kind: 'recording', label: 'things', pictures: 3 });
    expect(await teacher.recordFrame('cam', idOf(3))).toBe(false);
    await undo();
    expect(state()).toMatchObject({ kept: [], classes: [], thumbnails: [] });
  });

  it('asks again with the picture, and takes back what was said of a weak label', async () => {
    await ask(4, { label: 'shoe', source: 'plc' });
    const before = queue.content(idOf(4))!;
    await teacher.label(idOf(4), 'goods', 'trouser');
    expect(queue.content(idOf(4))).toBeUndefined();
    await undo();
    const after = queue.content(idOf(4))!;
    expect(after.picture.equals(before.picture)).toBe(true);
    expect(after.latent).toEqual(before.latent);
    await teacher.label(idOf(4), 'goods', 'shoe');
    expect(looked).toEqual([
      ['plc', false, 1],
      ['plc', false, -1],
      ['plc', true, 1],
    ]);
  });

  it('goes back twenty things, and no further than pictures are kept', async () => {
    for (let k = 0; k < 12; k++) {
      await label(0, `a${k}`);
      await label(0, `b${k}`);
    }
    for (let k = 0; k < 20; k++) await undo();
    expect(teacher.undoable).toBeUndefined();
    expect(rooms.memory.refs()[0]!.label).toBe('b1');
    await label(2, 'sandal');
    actions.expire(Date.now() + 1);
    expect(teacher.undoable).toBeUndefined();
  });
});

describe('teaching', () => {
  it('need not be asked for what looks like it, from then on', async () => {
    await ask(6);
    await queue.offer({
      ...{ sample: idOf(0), source: 'cam', at: 0, bytes: pictures[0]!.bytes },
      ...{ latent: latents[0]!, answer: undefined },
    });
    expect(queue.counts(0).candidates).toBe(1);
    await label(0, 'bag');
    expect(queue.counts(0).candidates).toBe(0);
  });

  it('refuses what it does not hold, and a sample of another task', async () => {
    expect((await rejectionOf(teacher.label('0'.repeat(32), 'goods', 'bag'))).code).toBe('picture-gone');
    expect((await rejectionOf(teacher.remove('0'.repeat(32)))).code).toBe('sample-gone');
    expect((await rejectionOf(teacher.settle('0'.repeat(32), 'bad'))).code).toBe('question-gone');
    await label(0, 'bag');
    const error = await rejectionOf(teacher.label(idOf(0), 'other', 'bag'));
    expect(error.code).toBe('sample-known');
    expect(error.message).toContain("'bag' of task 'goods'");
    expect(teacher.undoable).toMatchObject({ kind: 'label' });
  });
});
