import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StudyView } from '../../src/label/api.js';
import { type Studied, studyTask } from '../../src/label/study.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { Random } from '../../src/random.js';
import { bareModel } from '../../src/recognize/task-model.js';
import { isHeldOut } from '../../src/replay/held-out.js';
import { latentsOf, photographs } from '../agent/pictures.js';
import { openBedrock } from '../agent/rooms.js';

const KINDS = ['bag', 'sandal', 'trouser'];
let network: TaskNetwork;
let samples: Studied[];
let close: () => Promise<void>;

beforeAll(async () => {
  const { engine, backbone, trunk } = await openBedrock();
  network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec);
  const pictures = KINDS.flatMap((kind) => photographs(kind, 20));
  const latents = await latentsOf(backbone, trunk, pictures);
  samples = pictures.map(({ id, label }, i) => ({
    ...{ sample: id, label, latent: latents[i]! },
    heldOut: isHeldOut(id),
  }));
  close = async () => {
    await network.close();
    await trunk.close();
  };
});
afterAll(() => close());

/** What a task answers that takes every sandal for a bag. */
const answers = async (latents: readonly Uint8Array[]) =>
  latents.map((latent) => {
    const { label } = samples.find((s) => s.latent === latent)!;
    return { label: label === 'sandal' ? 'bag' : label };
  });

function study(of: readonly Studied[], seed = 0): Promise<StudyView> {
  const { shrinkage, temperature } = new StreamingDiscriminant(network.blocks);
  return studyTask(of, { network, shrinkage, temperature, answers, random: new Random(seed) }, 77);
}

/** The samples with some labels exchanged. */
const mislabelled = (wrong: Readonly<Record<number, string>>) =>
  samples.map((s, i) => ({ ...s, label: wrong[i] ?? s.label }));

describe('a look into a task', () => {
  it('finds the wrong labels first, and says what they should be', async () => {
    const { doubtful } = await study(mislabelled({ 3: 'trouser', 47: 'bag' }));
    const found = doubtful.slice(0, 2).map(({ sample, label, suggestion }) => [sample, label, suggestion]);
    expect(found).toHaveLength(2);
    expect(found).toContainEqual([samples[3]!.sample, 'trouser', 'bag']);
    expect(found).toContainEqual([samples[47]!.sample, 'bag', 'trouser']);
    for (const { probability } of doubtful) expect(probability).toBeGreaterThan(0);
  });

  it('doubts hardly a label that is right', async () => {
    const { doubtful } = await study(samples);
    expect(doubtful.length).toBeLessThan(samples.length / 20);
  });

  it('draws a curve that rises with the labels, each point of more of them', async () => {
    const { curve, forecast, samples: count, at } = await study(samples);
    expect({ count, at }).toEqual({ count: 60, at: 77 });
    expect(curve.map((p) => p.labels)).toEqual([9, 15, 30, 48]);
    expect(curve.at(-1)!.accuracy).toBeGreaterThanOrEqual(curve[0]!.accuracy);
    expect(curve.at(-1)!.accuracy).toBeGreaterThan(0.9);
    for (const { spread } of curve) expect(spread).toBeGreaterThanOrEqual(0);
    expect(forecast!.accuracy).toBeGreaterThanOrEqual(forecast!.now);
  });

  it('is the same with the same seed', async () => {
    const [first, again, other] = [await study(samples, 5), await study(samples, 5), await study(samples, 6)];
    expect(again).toEqual(first);
    expect(other.curve).not.toEqual(first.curve);
  });

  it('counts what held-out samples are taken for', async () => {
    const { confusion } = await study(samples);
    const heldOut = (label: string) => samples.filter((s) => s.heldOut && s.label === label).length;
    expect(confusion).toEqual({
      classes: [...KINDS].sort(),
      counts: [
        [heldOut('bag'), 0, 0],
        [heldOut('sandal'), 0, 0],
        [0, 0, heldOut('trouser')],
      ],
    });
  });

  it('says nothing of what there is too little of', async () => {
    const one = samples.filter((s) => s.label === 'bag');
    expect(await study(one)).toMatchObject({ samples: 20, curve: [], forecast: null, doubtful: [] });
    const few = [samples[0]!, samples[1]!, samples[20]!, samples[21]!].map((s) => ({ ...s, heldOut: false }));
    expect(await study(few)).toMatchObject({ confusion: null, forecast: null, doubtful: [] });
    const pair = [samples[0]!, samples[20]!];
    expect((await study(pair)).curve).toEqual([]);
  });
});
