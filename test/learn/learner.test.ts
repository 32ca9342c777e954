import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { deployModel } from '../../src/learn/deploy.js';
import { answers, logits } from '../../src/learn/head.js';
import { Frozen } from '../../src/learn/isolation/frozen.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { Pnn } from '../../src/learn/isolation/pnn.js';
import { type Progress, train } from '../../src/learn/learner.js';
import { LEARNER_DEFAULTS, type LearnerOptions, PATIENCE } from '../../src/learn/learner-options.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import { ExperienceReplay } from '../../src/learn/rehearsal/er.js';
import type { Isolation } from '../../src/learn/strategy.js';
import { CODEC, patternSamples, smallCrown } from './small-crown.js';

const engine = new OrtEngine();
const context = { crown: smallCrown(), earlier: [] };
const training = patternSamples(150, 5, 1);
const test = patternSamples(200, 5, 2);

async function learn(
  isolation: Isolation,
  options: Partial<LearnerOptions> = {},
  onProgress?: (p: Progress) => void,
) {
  const set = { ...training, classes: 5, fresh: training.labels.map((_, i) => i) };
  const strategies = { isolation, regularization: new NoRegularization(), rehearsal: new ExperienceReplay() };
  const all = { ...LEARNER_DEFAULTS, headRate: 1e-2, ...options };
  return train(engine, strategies, context, CODEC, set, all, onProgress);
}

async function accuracy(isolation: Isolation, trained: Awaited<ReturnType<typeof learn>>): Promise<number> {
  const tensors = isolation.freeze(context, trained.values);
  const network = await TaskNetwork.open(engine, deployModel(isolation, context, { tensors }), CODEC);
  const { features } = await network.describe(test.latents);
  await network.close();
  const head = { kind: 'softmax' as const, classes: ['a', 'b', 'c', 'd', 'e'], features: features.width };
  const given = answers(logits({ ...head, weight: trained.headWeight, bias: trained.headBias }, features));
  return given.filter((a, i) => a === test.labels[i]).length / test.labels.length;
}

describe('the learner', () => {
  it.each([
    ['a mask', () => new Piggyback()],
    ['a column', () => new Pnn()],
  ])('trains %s: the loss falls and unseen samples are answered well', async (_, make) => {
    const trained = await learn(make(), { epochs: 15 });
    expect(trained.losses[0]).toBeGreaterThan(1.3);
    expect(trained.losses.at(-1)).toBeLessThan(trained.losses[0]! * 0.7);
    expect(await accuracy(make(), trained)).toBeGreaterThan(0.85);
  });

  it('masks matter: trained longer, they beat the same head on frozen features', async () => {
    const options = { epochs: 30, labelSmoothing: 0 };
    const masked = await accuracy(new Piggyback(), await learn(new Piggyback(), options));
    const frozen = await accuracy(new Frozen(), await learn(new Frozen(), options));
    expect(masked).toBeGreaterThan(frozen + 0.02);
  });

  it('gives the same bits for the same seed, and others for another', async () => {
    const [a, b, c] = await Promise.all([0, 0, 1].map((seed) => learn(new Piggyback(), { epochs: 3, seed })));
    expect([...a!.values]).toEqual([...b!.values]);
    expect(a!.headWeight).toEqual(b!.headWeight);
    expect(a!.headWeight).not.toEqual(c!.headWeight);
  });

  it('reports every step and epoch', async () => {
    const seen: Progress[] = [];
    const { steps } = await learn(new Piggyback(), { epochs: 2 }, (p) => seen.push(p));
    expect(steps).toBe(2 * Math.ceil(150 / LEARNER_DEFAULTS.batch));
    expect(seen.map((p) => p.step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    expect(seen.at(-1)).toMatchObject({ epoch: 2, epochs: 2, steps });
  });

  describe('with samples held out', () => {
    const small = patternSamples(90, 3, 4);
    const noise = patternSamples(60, 3, 5);
    /** Held-out samples whose labels have nothing to do with them: their loss soon rises. */
    const heldOut = { latents: noise.latents, labels: noise.labels.map((_, i) => (i * 7 + (i >> 2)) % 3) };
    const run = (
      held: typeof heldOut,
      options: Partial<LearnerOptions>,
      onProgress?: (p: Progress) => void,
    ) =>
      train(
        engine,
        {
          isolation: new Piggyback(),
          regularization: new NoRegularization(),
          rehearsal: new ExperienceReplay(),
        },
        context,
        CODEC,
        { ...small, classes: 3, fresh: small.labels.map((_, i) => i), heldOut: held },
        {
          ...LEARNER_DEFAULTS,
          headRate: 1e-2,
          epochs: 40,
          batch: 5,
          decayAt: 1,
          patience: PATIENCE,
          ...options,
        },
        onProgress,
      );

    it('ends when their loss falls no more, and says so', async () => {
      const seen: Progress[] = [];
      const trained = await run(heldOut, {}, (p) => seen.push(p));
      expect(trained.ended).toBe('plateau');
      expect(trained.losses.length).toBeLessThan(40);
      expect(seen.at(-1)).toMatchObject({
        step: trained.steps,
        steps: trained.steps,
        epoch: trained.losses.length,
        epochs: trained.losses.length,
      });
      expect(seen[0]!.steps).toBeGreaterThan(trained.steps);
    });

    it('keeps what was best on them, not what was last', async () => {
      const trained = await run(heldOut, { patience: 3 });
      const { heldOutLosses } = trained;
      expect(Math.min(...heldOutLosses)).toBeLessThan(heldOutLosses.at(-1)!);
      // An epoch has eighteen steps: the first look comes after two of them, and then one after each.
      const epochs = 2 + heldOutLosses.indexOf(Math.min(...heldOutLosses));
      const again = await run(heldOut, { patience: 3, epochs });
      expect(again.heldOutLosses.at(-1)).toBe(Math.min(...heldOutLosses));
      expect(again.losses).toHaveLength(epochs);
      expect([...again.values]).toEqual([...trained.values]);
      expect(again.headWeight).toEqual(trained.headWeight);
    });

    it('runs every epoch with a patience of 0, and with too few of them', async () => {
      const few = { latents: heldOut.latents.slice(0, 10), labels: heldOut.labels.slice(0, 10) };
      const runs = await Promise.all([run(heldOut, { patience: 0, epochs: 12 }), run(few, { epochs: 12 })]);
      for (const { ended, losses, heldOutLosses } of runs) {
        expect(ended).toBe('epochs');
        expect(losses).toHaveLength(12);
        expect(heldOutLosses).toEqual([]);
      }
    });

    it('gives the same bits for the same seed', async () => {
      const [a, b] = await Promise.all([run(heldOut, { seed: 7 }), run(heldOut, { seed: 7 })]);
      expect([...a.values]).toEqual([...b.values]);
      expect(a.heldOutLosses).toEqual(b.heldOutLosses);
      expect(a.losses).toEqual(b.losses);
    });
  });

  it('shows the samples that it has not learned more often than the others', async () => {
    // Ten samples with a wrong label, which cannot be learned as soon as the others.
    const wrong = new Set([3, 17, 31, 45, 59, 73, 87, 101, 115, 129]);
    const labels = training.labels.map((l, i) => (wrong.has(i) ? (l + 2) % 5 : l));
    const epochs: number[][] = [];
    const counting = {
      name: 'counting',
      epoch: (...given: Parameters<ExperienceReplay['epoch']>) => {
        const batches = new ExperienceReplay().epoch(...given);
        epochs.push(batches.flat());
        return batches;
      },
    };
    const strategies = {
      isolation: new Piggyback(),
      regularization: new NoRegularization(),
      rehearsal: counting,
    };
    const set = { latents: training.latents, labels, classes: 5, fresh: labels.map((_, i) => i) };
    const options = { ...LEARNER_DEFAULTS, headRate: 1e-2, epochs: 24, hardest: 0.3 };
    const { steps, losses } = await train(engine, strategies, context, CODEC, set, options);
    // What came before is how the steps were counted.
    const shown = epochs.slice(-24).flat();
    const mean = (of: number[]) => shown.filter((i) => of.includes(i)).length / of.length;
    const others = labels.flatMap((_, i) => (wrong.has(i) ? [] : [i]));
    expect(mean([...wrong])).toBeGreaterThan(2 * mean(others));
    // Three epochs of all samples until masks move, then a third of them and a few, in whole batches.
    expect(steps).toBe(3 * 10 + 21 * 4);
    expect(losses).toHaveLength(24);
  });

  it('stops when told to', async () => {
    const abort = new AbortController();
    const strategies = {
      isolation: new Piggyback(),
      regularization: new NoRegularization(),
      rehearsal: new ExperienceReplay(),
    };
    const set = { ...training, classes: 5, fresh: [] };
    const run = train(
      engine,
      strategies,
      context,
      CODEC,
      set,
      LEARNER_DEFAULTS,
      (p) => {
        if (p.step === 3) abort.abort();
      },
      abort.signal,
    );
    await expect(run).rejects.toMatchObject({ code: 'learn-aborted' });
  });

  it('counts a short batch as whole: a padded row takes no part', async () => {
    // 33 samples: a batch of 32 and one of a single sample, whose loss must be a sample's mean loss.
    const set = {
      latents: training.latents.slice(0, 33),
      labels: training.labels.slice(0, 33),
      classes: 5,
      fresh: [],
    };
    const strategies = {
      isolation: new Frozen(),
      regularization: new NoRegularization(),
      rehearsal: new ExperienceReplay(),
    };
    const losses: number[] = [];
    await train(engine, strategies, context, CODEC, set, { ...LEARNER_DEFAULTS, epochs: 1 }, (p) => {
      losses.push(p.loss);
    });
    expect(losses[0]).toBeCloseTo(Math.log(5), 4);
    expect(2 * losses[1]! - losses[0]!).toBeGreaterThan(0.5 * Math.log(5));
    expect(2 * losses[1]! - losses[0]!).toBeLessThan(1.5 * Math.log(5));
  });

  it('says when the rates were too high', async () => {
    await expect(learn(new Pnn({ rate: 1e30 }), { epochs: 3 })).rejects.toMatchObject({
      code: 'learn-diverged',
    });
  });

  it('refuses to train on nothing', async () => {
    const strategies = {
      isolation: new Frozen(),
      regularization: new NoRegularization(),
      rehearsal: new ExperienceReplay(),
    };
    const set = { latents: [], labels: [], classes: 2, fresh: [] };
    await expect(train(engine, strategies, context, CODEC, set)).rejects.toMatchObject({
      code: 'learn-no-samples',
    });
  });
});
