import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Described } from '../../bench/labelling/described.js';
import { CHECKPOINTS, run } from '../../bench/labelling/labelling.js';
import { InstantLearner } from '../../bench/labelling/learner.js';
import { RULES } from '../../bench/labelling/rules.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { bareModel, instantModel } from '../../src/recognize/task-model.js';
import { isHeldOut } from '../../src/replay/held-out.js';
import { latentsOf, photographs } from '../agent/pictures.js';
import { type Bedrock, openBedrock } from '../agent/rooms.js';

let bedrock: Bedrock;
let set: Described;

beforeAll(async () => {
  bedrock = await openBedrock();
  const { engine, backbone, trunk } = bedrock;
  const pictures = ['bag', 'sandal', 'sneaker', 'trouser'].flatMap((kind) => photographs(kind, 65));
  const latents = await latentsOf(backbone, trunk, pictures);
  const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec);
  const { summary } = await network.describe(latents);
  set = {
    ...{ name: 'goods', latents, rows: summary, blocks: network.blocks },
    files: pictures.map((p) => p.file),
    labels: pictures.map((p) => p.label),
    classes: ['bag', 'sandal', 'sneaker', 'trouser'],
    samples: pictures.map((p) => p.id),
    heldOut: pictures.map((p) => isHeldOut(p.id)),
  };
  await network.close();
});
afterAll(() => bedrock.trunk.close());

describe('the learner of the bench', () => {
  it("answers as a device's instant answer does", async () => {
    const { engine, backbone } = bedrock;
    const learned = [0, 1, 2, 65, 66, 67, 130, 131, 195, 196, 197, 198];
    const learner = new InstantLearner(engine, backbone, set);
    expect(learner.answers([0])).toEqual([undefined]);
    await learner.learn(learned);
    const discriminant = new StreamingDiscriminant(set.blocks);
    const { data, width } = set.rows;
    for (const i of learned) discriminant.add(data.subarray(i * width, (i + 1) * width), set.labels[i]!);
    const head = await discriminant.head();
    const network = await TaskNetwork.open(engine, instantModel(backbone, head), backbone.latentCodec);
    const tested = [10, 80, 140, 210, 30, 100];
    const rows = await network.probabilities(tested.map((i) => set.latents[i]!));
    await network.close();
    learner.answers(tested).forEach((answer, k) => {
      for (const { label, probability } of answer!.all) {
        const own = rows.data[k * rows.width + head.classes.indexOf(label)]!;
        expect(Math.abs(probability - own)).toBeLessThan(0.02);
      }
    });
  });
});

describe.each(RULES)('%s', (rule) => {
  it('is measured after as many labels as there were, the same with the same seed', async () => {
    const { engine, backbone } = bedrock;
    const tested = await run(engine, backbone, set, rule, 3, 5);
    expect(tested.map((t) => t.given)).toHaveLength(CHECKPOINTS.length);
    tested.forEach(({ given, accuracy, perClass, classes }, k) => {
      expect(given).toBeLessThanOrEqual(CHECKPOINTS[k]!);
      for (const share of [accuracy, perClass]) expect(share).toBeLessThanOrEqual(1);
      expect(classes).toBeLessThanOrEqual(4);
    });
    expect(tested.at(-1)!.accuracy).toBeGreaterThan(0.9);
    expect(await run(engine, backbone, set, rule, 3, 5)).toEqual(tested);
  });
});
