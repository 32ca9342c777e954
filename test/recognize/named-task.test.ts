import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { latentsOf } from '../../bench/recognition/pictures.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import { openStore, type Store } from '../../src/store/store.js';
import { type Bedrock, openBedrock } from '../agent/rooms.js';
import { addVersion, learnInstantly } from './device.js';
import { digits, shoesAndBags } from './unlike-tasks.js';

/** Of each class so many photographs are learned, so many held out, and so many for the test. */
const LEARNED = 20;
const HELD_OUT = 12;
const TESTED = 18;
type Name = 'shoes' | 'digits';

let folder: string;
let bedrock: Bedrock;
let store: Store;
let recognizer: Recognizer;
const heldOut = new Map<string, Uint8Array[]>();
const tested = new Map<string, Uint8Array[]>();

beforeAll(async () => {
  bedrock = await openBedrock();
  const { engine, backbone, trunk } = bedrock;
  folder = mkdtempSync(join(tmpdir(), 'lichen-named-'));
  store = openStore(folder);
  const each = LEARNED + HELD_OUT + TESTED;
  for (const [task, pictures] of Object.entries({ shoes: shoesAndBags(each), digits: await digits(each) })) {
    const latents = await latentsOf(
      pictures.map((p) => async () => p.bytes),
      backbone,
      trunk,
      () => {},
    );
    const seen = new Map<string, number>();
    const parts: Record<'learned' | 'heldOut' | 'tested', number[]> = {
      learned: [],
      heldOut: [],
      tested: [],
    };
    pictures.forEach(({ label }, i) => {
      const k = seen.get(label) ?? 0;
      seen.set(label, k + 1);
      parts[k < LEARNED ? 'learned' : k < LEARNED + HELD_OUT ? 'heldOut' : 'tested'].push(i);
    });
    const of = (indices: readonly number[]) => indices.map((i) => latents[i]!);
    heldOut.set(task, of(parts.heldOut));
    tested.set(task, of(parts.tested));
    const labels = parts.learned.map((i) => pictures[i]!.label);
    await learnInstantly(engine, backbone, store, task, { latents: of(parts.learned), labels });
  }
  recognizer = new Recognizer(engine, backbone, store, {
    novelty: { falseAlarms: 0.1, heldOut: (tasks) => tasks.flatMap((t) => heldOut.get(t)!) },
  });
});
afterAll(async () => {
  await recognizer.close();
  store.close();
  await bedrock.trunk.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The share of a task's new pictures that are novel to a task that is named for them. */
const novelOf = async (pictures: Name, named: Name) => {
  const answers = await recognizer.classify(tested.get(pictures)!, named);
  expect(answers.every((a) => a.task === named)).toBe(true);
  return answers.filter((a) => a.novel).length / answers.length;
};

it("a named task says novel of another task's pictures, and seldom of its own", async () => {
  for (const [own, other] of [
    ['shoes', 'digits'],
    ['digits', 'shoes'],
  ] as const) {
    expect(await novelOf(other, own)).toBeGreaterThan(0.75);
    // A tenth is to be expected: of 54 pictures more than this in one of two thousand draws.
    expect(await novelOf(own, own)).toBeLessThan(0.23);
  }
});

it('and so it does when a trained version answers in place of the first one', async () => {
  addVersion(bedrock.backbone, store, 'shoes', 'bag');
  await recognizer.forget('shoes');
  const [answer] = await recognizer.classify(tested.get('digits')!.slice(0, 1), 'shoes');
  expect(answer).toMatchObject({ version: 1, label: 'bag' });
  expect(await novelOf('digits', 'shoes')).toBeGreaterThan(0.75);
  expect(await novelOf('shoes', 'shoes')).toBeLessThan(0.23);
});
