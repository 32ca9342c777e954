import { afterAll, beforeAll, expect, it } from 'vitest';
import { latentsOf as latentsOfPictures } from '../../bench/recognition/pictures.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { TaskChooser } from '../../src/recognize/chooser.js';
import { FrozenFeatures } from '../../src/recognize/frozen-features.js';
import { bareModel } from '../../src/recognize/task-model.js';
import { photographs } from '../agent/pictures.js';
import { type Bedrock, openBedrock } from '../agent/rooms.js';
import { clothes, digits } from './unlike-tasks.js';

let bedrock: Bedrock;
beforeAll(async () => {
  bedrock = await openBedrock();
});
afterAll(() => bedrock.trunk.close());

/** Of each class so many are learned, and so many held out; the others are for the test. */
const LEARNED = 20;
const HELD_OUT = 12;
const TESTED = 18;

it('keeps the rate of false alarms in each of two unlike tasks', async () => {
  const { engine, backbone, trunk } = bedrock;
  const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec);
  const discriminants = new Map<string, StreamingDiscriminant>();
  const heldOut: Uint8Array[] = [];
  const tests = new Map<string, Uint8Array[]>();
  const each = LEARNED + HELD_OUT + TESTED;
  for (const [task, pictures] of Object.entries({ clothes: clothes(each), digits: await digits(each) })) {
    const latents = await latentsOfPictures(
      pictures.map((p) => async () => p.bytes),
      backbone,
      trunk,
      () => {},
    );
    const seen = new Map<string, number>();
    const discriminant = new StreamingDiscriminant(network.blocks);
    const learned: number[] = [];
    tests.set(task, []);
    pictures.forEach(({ label }, i) => {
      const k = seen.get(label) ?? 0;
      seen.set(label, k + 1);
      if (k < LEARNED) learned.push(i);
      else if (k < LEARNED + HELD_OUT) heldOut.push(latents[i]!);
      else tests.get(task)!.push(latents[i]!);
    });
    const { summary } = await network.describe(learned.map((i) => latents[i]!));
    const labels = learned.map((i) => pictures[i]!.label);
    await discriminant.addAll(engine, summary, labels);
    discriminants.set(task, discriminant);
  }
  await network.close();
  const features = await FrozenFeatures.open(engine, backbone);
  const chooser = await TaskChooser.open(features, discriminants, { falseAlarms: 0.1, heldOut });
  for (const [task, latents] of tests) {
    const found = await chooser.explain(latents);
    expect(found.filter((f) => f.task === task).length).toBeGreaterThan(0.95 * latents.length);
    // Of 54 photographs five are to be expected: more than twelve in one of two thousand draws.
    expect(found.filter((f) => f.novel).length).toBeLessThanOrEqual(12);
  }
  const shoes = photographs('sandal', 20).map(
    ({ bytes }) =>
      async () =>
        bytes,
  );
  const unknown = await chooser.explain(await latentsOfPictures(shoes, backbone, trunk, () => {}));
  expect(unknown.filter((f) => f.novel).length).toBeGreaterThan(15);
  await features.close();
});
