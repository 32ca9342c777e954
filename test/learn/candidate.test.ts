import { beforeEach, describe, expect, it } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { encodeAdapter } from '../../src/learn/adapter.js';
import {
  beats,
  type Candidate,
  instantCandidate,
  type LabelledLatent,
  type TaskData,
  trainedCandidate,
} from '../../src/learn/candidate.js';
import { deployModel } from '../../src/learn/deploy.js';
import { answers } from '../../src/learn/head.js';
import type { LearnerOptions } from '../../src/learn/learner-options.js';
import { isolationNamed } from '../../src/learn/methods.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import { ExperienceReplay } from '../../src/learn/rehearsal/er.js';
import { scratchFolder } from '../store/scratch.js';
import { smallBackbone } from './small-backbone.js';
import { patternSamples } from './small-crown.js';

const engine = new OrtEngine();
const scratch = scratchFolder();
const CLASSES = ['a', 'b', 'c'];
let backbone: Backbone;

beforeEach(async () => {
  backbone = await smallBackbone(scratch.path(), engine);
});

/** Ninety samples of three classes, every fifth held out. */
function data(change: (s: LabelledLatent, i: number) => LabelledLatent = (s) => s): TaskData {
  const { latents, labels } = patternSamples(90, 3, 1);
  const samples = latents.map((latent, i) =>
    change({ latent, label: labels[i]!, heldOut: i % 5 === 0, fresh: true }, i),
  );
  return { backbone, classes: CLASSES, samples };
}

const learn = (method: string, task = data(), options: Partial<LearnerOptions> = {}): Promise<Candidate> =>
  trainedCandidate(
    engine,
    {
      isolation: isolationNamed(method),
      regularization: new NoRegularization(),
      rehearsal: new ExperienceReplay(),
    },
    task,
    [],
    { epochs: 4, ...options },
  );

/** Share of a task's held-out samples that a candidate's deployed network answers rightly. */
async function accuracyOf({ adapter }: Candidate, { samples }: TaskData): Promise<number> {
  const isolation = isolationNamed(adapter.isolation);
  const deployed = deployModel(isolation, { crown: backbone.crown, earlier: [] }, adapter);
  const network = await TaskNetwork.open(engine, deployed, backbone.latentCodec);
  const part = samples.filter((s) => s.heldOut);
  const given = answers(await network.probabilities(part.map((s) => s.latent)));
  await network.close();
  return given.filter((a, i) => a === part[i]!.label).length / part.length;
}

describe('the instant candidate', () => {
  it('is a discriminant on the frozen crown, measured on what is held out', async () => {
    const task = data();
    const candidate = await instantCandidate(engine, task, { seed: 0 });
    expect(candidate.adapter).toMatchObject({
      isolation: 'frozen',
      tensors: new Map(),
      head: { kind: 'discriminant', classes: CLASSES },
    });
    expect(candidate.metrics).toMatchObject({
      trainSamples: 72,
      heldOutSamples: 18,
      epochs: 0,
      steps: 0,
      losses: [],
      crossValidatedAccuracy: null,
    });
    expect(candidate.metrics.heldOutAccuracy).toBeGreaterThan(0.6);
    expect(await accuracyOf(candidate, task)).toBeCloseTo(candidate.metrics.heldOutAccuracy!, 10);
  });

  it('with nothing held out is measured by cross-validation', async () => {
    const { metrics } = await instantCandidate(
      engine,
      data((s) => ({ ...s, heldOut: false })),
      { seed: 0 },
    );
    expect(metrics).toMatchObject({ heldOutAccuracy: null, heldOutSamples: 0, trainSamples: 90 });
    expect(metrics.crossValidatedAccuracy).toBeGreaterThan(0.6);
  });
});

describe.each(['piggyback', 'pnn'])('a candidate trained by %s', (method) => {
  it('says what it is, and its deployed network answers as it was measured', async () => {
    const task = data();
    const candidate = await learn(method, task);
    expect(candidate.adapter.isolation).toBe(method);
    expect(candidate.adapter.tensors.size).toBeGreaterThan(5);
    expect(candidate.metrics).toMatchObject({ trainSamples: 72, heldOutSamples: 18, epochs: 4, seed: 0 });
    expect(candidate.metrics.losses).toHaveLength(4);
    expect(candidate.metrics.steps).toBe(4 * Math.ceil(72 / 16));
    expect(await accuracyOf(candidate, task)).toBeCloseTo(candidate.metrics.heldOutAccuracy!, 10);
  });

  it('is the same bits for the same seed, and others for another', async () => {
    const [a, b, c] = [await learn(method), await learn(method), await learn(method, data(), { seed: 1 })];
    expect(Buffer.from(encodeAdapter(a.adapter)).equals(encodeAdapter(b.adapter))).toBe(true);
    expect(Buffer.from(encodeAdapter(a.adapter)).equals(encodeAdapter(c.adapter))).toBe(false);
    expect({ ...a.metrics, seconds: 0 }).toEqual({ ...b.metrics, seconds: 0 });
  });

  it('never sees what is held out: other labels and pictures there change nothing that is trained', async () => {
    const other = patternSamples(90, 3, 77).latents;
    const swapped = data((s, i) => (s.heldOut ? { ...s, latent: other[i]!, label: (s.label + 1) % 3 } : s));
    const [a, b] = [await learn(method), await learn(method, swapped)];
    // Which head won, chosen on the held-out samples, decides only whether the last layer is kept.
    const both = [...a.adapter.tensors.keys()].filter((name) => b.adapter.tensors.has(name));
    expect(both.length).toBeGreaterThan(5);
    for (const name of both) expect(a.adapter.tensors.get(name)).toEqual(b.adapter.tensors.get(name));
    expect(a.metrics.losses).toEqual(b.metrics.losses);
  });
});

describe('a task that cannot be learned', () => {
  it.each<[string, (task: TaskData) => TaskData, RegExp]>([
    [
      'has one class',
      (t) => ({ ...t, classes: ['a'], samples: t.samples.filter((s) => s.label === 0) }),
      /at least two classes; this one has 1/,
    ],
    [
      'has a class without samples',
      (t) => ({ ...t, classes: [...CLASSES, 'd'] }),
      /no sample to train on for class 'd'/,
    ],
    [
      'has a class of which all is held out',
      (t) => ({ ...t, samples: t.samples.map((s) => (s.label === 1 ? { ...s, heldOut: true } : s)) }),
      /for class 'b' \(held-out samples are not trained on\)/,
    ],
    ['has no sample', (t) => ({ ...t, samples: [] }), /for class 'a', 'b', 'c'/],
  ])('%s', async (_, spoil, message) => {
    const expected = { code: 'learn-no-samples', message: expect.stringMatching(message) };
    await expect(instantCandidate(engine, spoil(data()), { seed: 0 })).rejects.toMatchObject(expected);
    await expect(learn('piggyback', spoil(data()))).rejects.toMatchObject(expected);
  });
});

describe('the gate', () => {
  it.each([
    [0.9, 0.8, true],
    [0.8, 0.8, false],
    [0.7, 0.8, false],
    [0, 0, false],
    [null, 0.8, true],
    [0.8, null, true],
  ])('a candidate of %s against %s: %s', (candidate, current, better) => {
    const metrics = { heldOutAccuracy: candidate } as Candidate['metrics'];
    expect(beats(metrics, { heldOutAccuracy: current })).toBe(better);
  });

  it('does not let through one that learned nothing', async () => {
    const random = patternSamples(90, 3, 5);
    // Every sample that is trained on bears the label of the next one's class.
    const task = data();
    const spoiled = data((s, i) => (s.heldOut ? s : { ...s, latent: random.latents[(i + 1) % 90]! }));
    const instant = await instantCandidate(engine, task, { seed: 0 });
    const trained = await learn('piggyback', spoiled);
    expect(trained.metrics.heldOutAccuracy).toBeLessThan(instant.metrics.heldOutAccuracy!);
    expect(beats(trained.metrics, instant.metrics)).toBe(false);
  });
});
