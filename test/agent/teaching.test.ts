import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Teaching } from '../../src/agent/teaching.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const KNOWN = ['bag', 'sandal'];
const scratch = scratchFolder();
let bedrock: Bedrock;
let pictures: Photograph[];
let latents: Uint8Array[];
/** Of no class that is known, and not held out. */
let foreign: Photograph[];
let foreignLatents: Uint8Array[];
let rooms: Rooms;
let recognizer: Recognizer;

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = KNOWN.flatMap((label) => splitPhotographs(label, 10, 4));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
  foreign = splitPhotographs('shirt', 12, 0, 'tops');
  foreignLatents = await latentsOf(bedrock.backbone, bedrock.trunk, foreign);
});
afterAll(() => bedrock.trunk.close());

/** A device that answers by its instant answer and calls one in five known pictures novel. */
async function open(): Promise<Teaching> {
  rooms = await Rooms.open(bedrock, scratch.path('store'));
  await rooms.keep('goods', pictures, latents);
  const { memory, discriminants, store } = rooms;
  recognizer = new Recognizer(bedrock.engine, bedrock.backbone, store, {
    live: (task) => discriminants.get(task),
    novelty: {
      falseAlarms: 0.2,
      heldOut: (tasks) =>
        tasks.flatMap((task) => memory.refs({ task, heldOut: true }).map((r) => memory.read(r))),
    },
    hurry: true,
  });
  return new Teaching(rooms, undefined as never, recognizer);
}

afterEach(async () => {
  await recognizer.close();
  await rooms.close();
});

/** Keeps a labelled picture as the intake does, and tells the recognizer. */
async function label(k: number, name: string): Promise<void> {
  const { id } = foreign[k]!;
  await rooms.keep('goods', [{ ...foreign[k]!, label: name }], [foreignLatents[k]!]);
  await recognizer.labelled('goods', { id, label: name, latent: foreignLatents[k]! });
}

const answerTo = async (k: number) => (await recognizer.classify([foreignLatents[k]!]))[0]!;

it('a picture that was relabelled is known as what it is called now, before anything is fitted anew', async () => {
  const teaching = await open();
  // The first chooser of few samples calls nothing novel, and the first answer has another made.
  for (let i = 0; i < 2; i++) await recognizer.classify(foreignLatents);
  await recognizer.settled();
  const before = await recognizer.classify(foreignLatents);
  const novel = before.flatMap((a, k) => (a.novel ? [k] : []));
  expect(novel.length).toBeGreaterThan(0);
  const known = novel.slice(0, 4);
  for (const k of known) await label(k, 'bag');
  for (const k of known.slice(0, -1)) {
    expect(await answerTo(k)).toMatchObject({ novel: false });
    await teaching.relabel(foreign[k]!.id, 'sandal');
    expect(await answerTo(k)).toMatchObject({ task: 'goods', novel: false });
    expect(rooms.memory.ref(foreign[k]!.id)!.label).toBe('sandal');
  }
  // What was relabelled before, and what was labelled, stays known.
  for (const k of known) expect(await answerTo(k)).toMatchObject({ novel: false });
  await teaching.unlearn(foreign[known[0]!]!.id);
  for (const k of known.slice(1)) expect(await answerTo(k)).toMatchObject({ novel: false });
  await recognizer.settled();
});
