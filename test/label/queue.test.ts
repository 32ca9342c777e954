import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sampleId } from '../../src/backbone/latents.js';
import type { Seen } from '../../src/label/queue.js';
import { Sealed } from '../../src/label/sealed.js';
import type { Answer } from '../../src/recognize/answer.js';
import { latentsOf, type Photograph, photographs } from '../agent/pictures.js';
import { type Bedrock, openBedrock } from '../agent/rooms.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';
import { answerOf, DAY, HOUR, openQueue, type QueueRooms, seenOf } from './queue-rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
let rooms: QueueRooms;
/** What is said of each latent when questions are put. */
let said: Map<Uint8Array, Answer>;
/** One photograph of each of five kinds, and the first of them a little darker. */
let pictures: Photograph[];
let latents: Uint8Array[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal', 'trouser', 'sneaker', 'ankle-boot'].map((kind) => photographs(kind, 1)[0]!);
  const bytes = await sharp(pictures[0]!.bytes).linear(0.97, 0).png().toBuffer();
  pictures.push({ ...pictures[0]!, bytes, id: sampleId(bytes) });
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());

const open = (options = {}) =>
  openQueue(scratch.path('store'), bedrock.backbone.latentCodec, {
    answers: async (held) => held.map(({ latent }) => said.get(latent)),
    ...options,
  });
beforeEach(() => {
  said = new Map();
  rooms = open();
});
afterEach(() => rooms.store.close());

const reopen = (options = {}) => {
  rooms.store.close();
  rooms = open(options);
};
/** Puts a picture before the queue; what is said of it stays the same unless a test says otherwise. */
const offer = (k: number, more: Partial<Seen> = {}) => {
  if (more.answer) said.set(latents[k]!, more.answer);
  return rooms.queue.offer(seenOf(pictures[k]!, latents[k]!, more));
};
const ids = (...indices: number[]) => indices.map((k) => pictures[k]!.id);
const waiting = () => rooms.queue.cards().map((card) => card.sample);
/** All files of the store, one after the other. */
const onDisk = () =>
  Buffer.concat(readdirSync(scratch.path('store')).map((name) => readFileSync(scratch.path('store', name))));

describe('what is asked', () => {
  it('is what tells most: what no class explains, then a disagreement, then what is between classes', async () => {
    await offer(1, { answer: answerOf('sandal', 0.97) });
    await offer(2, { answer: answerOf('trouser', 0.55) });
    await offer(3, { answer: answerOf('shoe', 0.95), weak: { label: 'boot', source: 'plc' } });
    await offer(4, { answer: answerOf('boot', 0.9, { novel: true, pValue: 0.02 }) });
    const order: string[] = [];
    for (let wanted = 1; wanted <= 4; wanted++) {
      await rooms.queue.ask(HOUR, wanted);
      order.push(...waiting().filter((sample) => !order.includes(sample)));
    }
    expect(order).toEqual(ids(4, 3, 2, 1));
    const cards = Object.fromEntries(rooms.queue.cards().map((c) => [c.sample, c]));
    expect(ids(4, 3, 2, 1).map((id) => cards[id]!.reason)).toEqual([
      'novel',
      'disagreement',
      'unsure',
      'different',
    ]);
    expect(cards[pictures[3]!.id]!.weak).toEqual({ label: 'boot', source: 'plc', trust: 0.8 });
    expect(cards[pictures[4]!.id]!.answer!.label).toBeNull();
  });

  it('goes by what is said of the pictures now, not by what was said as they passed', async () => {
    await offer(1, { answer: answerOf('sandal', 0.55) });
    await offer(2, { answer: answerOf('trouser', 0.95) });
    // A label has come: sandals are known now, and trousers are not so sure any more.
    said.set(latents[1]!, answerOf('sandal', 0.99));
    said.set(latents[2]!, answerOf('trouser', 0.6));
    await rooms.queue.ask(HOUR, 1);
    const [card] = rooms.queue.cards();
    expect(card).toMatchObject({ sample: pictures[2]!.id, reason: 'unsure', answer: { probability: 0.6 } });
  });

  it('tells of a label from elsewhere, also where that came after the picture', async () => {
    await offer(3, { answer: answerOf('shoe', 0.6) });
    expect(await offer(3, { answer: answerOf('shoe', 0.95), weak: { label: 'boot', source: 'plc' } })).toBe(
      true,
    );
    expect(rooms.queue.counts(0).candidates).toBe(1);
    await rooms.queue.ask(HOUR);
    const [card] = rooms.queue.cards();
    expect(card).toMatchObject({
      reason: 'disagreement',
      weak: { label: 'boot', source: 'plc', trust: 0.8 },
    });
  });

  it('is put once where two ask at a time', async () => {
    for (const k of [0, 1, 2]) await offer(k);
    await Promise.all([rooms.queue.ask(HOUR, 2), rooms.queue.ask(HOUR, 2)]);
    expect(waiting()).toHaveLength(2);
  });

  it('is unlike what is known and unlike what was asked before, at equal worth', async () => {
    rooms.queue.learned('f'.repeat(32), latents[4]!);
    const sure = { answer: answerOf('x', 0.6) };
    for (const k of [3, 2]) await offer(k, sure);
    // A sneaker looks more like the boot that is known than trousers do.
    await rooms.queue.ask(HOUR, 1);
    expect(waiting()).toEqual(ids(2));
  });

  it('is one picture of several that look the same, the one that tells most', async () => {
    expect(await offer(0, { answer: answerOf('bag', 0.6) })).toBe(true);
    expect(await offer(5, { answer: answerOf('bag', 0.7) })).toBe(false);
    expect(await offer(5, { answer: answerOf('bag', 0.52) })).toBe(true);
    expect(rooms.queue.counts(0).candidates).toBe(1);
    await rooms.queue.ask(HOUR);
    expect(waiting()).toEqual(ids(5));
  });

  it('is not what was labelled meanwhile, nor what looks like it, until that was taken back', async () => {
    await offer(0);
    await offer(1);
    rooms.queue.learned(pictures[5]!.id, latents[5]!);
    expect(rooms.queue.counts(0).candidates).toBe(1);
    expect(await offer(5)).toBe(false);
    rooms.queue.unlearned(pictures[5]!.id);
    expect(await offer(5)).toBe(true);
  });

  it('is nothing twice, also after a restart, whatever became of it', async () => {
    for (const k of [0, 1, 2]) await offer(k);
    await rooms.queue.ask(HOUR);
    expect(rooms.queue.settle(pictures[0]!.id, 'labelled')).toBe(true);
    expect(rooms.queue.settle(pictures[1]!.id, 'bad')).toBe(true);
    expect(rooms.queue.settle(pictures[1]!.id, 'skipped')).toBe(false);
    for (const restarted of [false, true]) {
      if (restarted) reopen();
      for (const k of [0, 1, 2, 5]) expect(await offer(k)).toBe(false);
      await rooms.queue.ask(HOUR + 1);
      expect(waiting()).toEqual(ids(2));
    }
  });

  it('is at most so much within 24 hours, whatever is answered, also over a restart', async () => {
    const perDay = 2;
    reopen({ perDay });
    const offerAll = async (at: number) => {
      for (const k of [0, 1, 2, 3, 4]) await offer(k, { at });
    };
    await offerAll(0);
    await rooms.queue.ask(HOUR);
    expect(rooms.queue.counts(HOUR)).toMatchObject({ waiting: 2, asked: 2, candidates: 3 });
    for (const sample of waiting()) rooms.queue.settle(sample, 'labelled');
    await rooms.queue.ask(HOUR + 23 * HOUR);
    expect(waiting()).toEqual([]);
    reopen({ perDay });
    await offerAll(DAY);
    await rooms.queue.ask(DAY + HOUR - 1);
    expect(waiting()).toEqual([]);
    await rooms.queue.ask(DAY + HOUR);
    expect(waiting()).toHaveLength(2);
    reopen({ perDay: 0 });
    await offerAll(3 * DAY);
    for (const sample of waiting()) rooms.queue.settle(sample, 'skipped');
    await rooms.queue.ask(5 * DAY);
    expect(waiting()).toEqual([]);
  });
});

describe('what is kept', () => {
  it('is nothing of what was not asked about', async () => {
    for (const k of [0, 1, 2]) await offer(k);
    await rooms.queue.ask(HOUR, 1);
    const [asked] = waiting();
    const disk = onDisk();
    for (const id of ids(0, 1, 2)) expect(disk.includes(id)).toBe(id === asked);
  });

  it('is sealed: no bytes of the picture, of its latent or of its look are in a file', async () => {
    await offer(0);
    await rooms.queue.ask(HOUR);
    const { picture, latent } = rooms.queue.content(pictures[0]!.id)!;
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg' });
    expect(Buffer.from(latent).equals(Buffer.from(latents[0]!))).toBe(true);
    const look = Buffer.from(rooms.questions.asked()[0]!.buffer);
    const disk = onDisk();
    for (const part of [picture, Buffer.from(latent), look]) {
      for (let from = 0; from + 16 <= Math.min(part.length, 2048); from += 16) {
        const slice = part.subarray(from, from + 16);
        // A stretch of equal bytes may be anywhere.
        if (new Set(slice).size > 4) expect(disk.includes(slice)).toBe(false);
      }
    }
    expect(disk.includes(pictures[0]!.id)).toBe(true);
  });

  it('opens with the right key and at its own place only', async () => {
    await offer(0);
    await rooms.queue.ask(HOUR);
    const other = new Sealed(rooms.store.settings, scratch.path('another.key'));
    const sealed = rooms.sealed.seal('question a', Buffer.from('one'), Buffer.from('two'));
    expect(rooms.sealed.open('question a', sealed).map(String)).toEqual(['one', 'two']);
    expect(errorOf(() => rooms.sealed.open('question b', sealed)).code).toBe('label-wrong-key');
    expect(errorOf(() => other.open('question a', sealed)).message).toContain('another.key');
    reopen();
    expect(rooms.sealed.open('question a', sealed).map(String)).toEqual(['one', 'two']);
    expect(rooms.queue.content(pictures[0]!.id)).toBeDefined();
  });

  it('is let go of with the answer, and when nobody answers for too long', async () => {
    const contents = () =>
      rooms.store.database
        .prepare<{ sample: string; state: string; content: Uint8Array | null }>(
          'SELECT sample, state, content FROM questions',
        )
        .all();
    await offer(0);
    await offer(1);
    await rooms.queue.ask(HOUR);
    rooms.queue.settle(pictures[0]!.id, 'labelled');
    expect(rooms.queue.content(pictures[0]!.id)).toBeUndefined();
    await rooms.queue.ask(HOUR + 7 * DAY);
    expect(waiting()).toEqual(ids(1));
    expect(rooms.questions.bytes()).toBeGreaterThan(0);
    await rooms.queue.ask(HOUR + 7 * DAY + 1);
    expect(waiting()).toEqual([]);
    expect(rooms.questions.bytes()).toBe(0);
    expect(Object.fromEntries(contents().map((c) => [c.sample, [c.state, c.content]]))).toEqual({
      [pictures[0]!.id]: ['labelled', null],
      [pictures[1]!.id]: ['skipped', null],
    });
    // What was not asked about goes by the same time.
    await offer(2, { at: 0 });
    await rooms.queue.ask(8 * DAY);
    expect(rooms.queue.counts(8 * DAY)).toMatchObject({ waiting: 0, candidates: 0 });
  });
});
