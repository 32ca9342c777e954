import { describe, expect, it } from 'vitest';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import type { Evidence } from '../../src/learn/streaming/whitened.js';
import { fillNormal } from '../../src/normal.js';
import { Random } from '../../src/random.js';
import { Novelty, TaskNovelty } from '../../src/recognize/novelty.js';

const WIDTH = 12;

/** Samples of three classes whose features are correlated and of unlike scale. */
function draws(count: number, seed: number, means: readonly (readonly number[])[]) {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const x = new Float32Array(WIDTH);
    fillNormal(x, random);
    for (let k = WIDTH - 1; k > 0; k--) x[k] = (x[k]! + x[k - 1]!) * (k < 6 ? 1 : 10);
    const label = i % means.length;
    means[label]!.forEach((m, k) => {
      x[k]! += m;
    });
    return { x, label };
  });
}

const means = [0, 1, 2].map((c) =>
  Array.from({ length: WIDTH }, (_, k) => (k % 3 === c ? (k < 6 ? 6 : 60) : 0)),
);

async function evidenceOf(samples: readonly { x: Float32Array }[]): Promise<Evidence[]> {
  const discriminant = new StreamingDiscriminant([WIDTH]);
  discriminant.shrinkage = 0.001;
  for (const { x, label } of draws(600, 1, means)) discriminant.add(x, `c${label}`);
  const space = await discriminant.whitened();
  return samples.map(({ x }) => space.evidence(x));
}

describe('whitened classes', () => {
  it('find the nearest class as the discriminant answers, at the distance that the covariance says', async () => {
    const test = draws(300, 2, means);
    const found = await evidenceOf(test);
    expect(found.filter((e, i) => e.nearest === test[i]!.label).length).toBeGreaterThan(285);
    // Of normal samples the squared distance to their own mean has the number of features as mean.
    const mean = found.reduce((sum, e) => sum + e.distance, 0) / found.length;
    expect(mean).toBeGreaterThan(WIDTH * 0.75);
    expect(mean).toBeLessThan(WIDTH * 1.25);
    for (const e of found) expect(Math.abs(e.angle)).toBeLessThanOrEqual(1 + 1e-9);
    // Three classes differ in two directions, and so many of the twelve are within their span.
    const within = found.reduce((sum, e) => sum + e.within, 0) / found.length;
    expect(within).toBeGreaterThan(2 * 0.75);
    expect(within).toBeLessThan(2 * 1.25);
  });

  it('have no direction when there is but one', async () => {
    const discriminant = new StreamingDiscriminant([WIDTH]);
    for (const { x } of draws(30, 3, [means[0]!])) discriminant.add(x, 'only');
    const { angle, within } = (await discriminant.whitened()).evidence(draws(1, 4, [means[0]!])[0]!.x);
    expect(angle).toBe(0);
    expect(within).toBeCloseTo(0, 6);
  });

  it('need two samples', async () => {
    await expect(new StreamingDiscriminant([WIDTH]).whitened()).rejects.toMatchObject({
      code: 'learn-no-samples',
    });
  });
});

describe('novelty', () => {
  it('calls no more of the known novel than was chosen, and nearly all that is foreign', async () => {
    for (const rate of [0.02, 0.1]) {
      const novelty = new Novelty(await evidenceOf(draws(400, 5, means)), rate, 3);
      const known = await evidenceOf(draws(2000, 6, means));
      const share = known.filter((e) => novelty.isNovel(e)).length / known.length;
      expect(share).toBeLessThan(1.6 * rate);
      expect(share).toBeGreaterThan(0.3 * rate);
      const far = await evidenceOf(draws(200, 7, [means[0]!.map((m) => m + 80)]));
      expect(far.every((e) => novelty.isNovel(e))).toBe(true);
    }
  });

  it('finds a class that lies among the known ones by where it points', async () => {
    const novelty = new Novelty(await evidenceOf(draws(400, 5, means)), 0.05, 3);
    const between = means[0]!.map((_, k) => means.reduce((sum, m) => sum + m[k]!, 0) / 3);
    const found = await evidenceOf(draws(300, 8, [between]));
    expect(found.filter((e) => novelty.isNovel(e)).length).toBeGreaterThan(150);
  });

  it('counts how far out a sample lies from earlier on where there are few classes to tell by', async () => {
    const known = await evidenceOf(draws(400, 5, means));
    const mean = (of: (e: Evidence) => number) => known.reduce((sum, e) => sum + of(e), 0) / known.length;
    const [angle, within, distance] = [mean((e) => e.angle), mean((e) => e.within), mean((e) => e.distance)];
    const deviation = Math.sqrt(mean((e) => (e.distance - distance) ** 2));
    const somewhatOut = { nearest: 0, angle, within, distance: distance + 2.5 * deviation };
    const score = (classes: number) => new Novelty(known, 0.05, classes).score(somewhatOut);
    expect(score(2)).toBeCloseTo(2.5, 6);
    expect(score(5)).toBeCloseTo(1, 6);
    expect(score(8)).toBeCloseTo(0, 6);
    expect(score(50)).toBeCloseTo(0, 6);
  });

  it('says how many known samples look as novel: evenly spread over 0 to 1', async () => {
    const novelty = new Novelty(await evidenceOf(draws(400, 5, means)), 0.05, 3);
    const known = (await evidenceOf(draws(2000, 9, means))).map((e) => novelty.pValue(e));
    for (const q of [0.1, 0.25, 0.5, 0.75, 0.9]) {
      expect(Math.abs(known.filter((p) => p <= q).length / known.length - q)).toBeLessThan(0.07);
    }
    expect(Math.min(...known)).toBeGreaterThan(0);
    expect(Math.max(...known)).toBeLessThanOrEqual(1);
  });

  it('calls nothing novel where there are too few samples for the rate', async () => {
    const few = await evidenceOf(draws(Novelty.samplesFor(0.05) - 1, 10, means));
    expect(new Novelty(few, 0.05, 3).threshold).toBe(Number.POSITIVE_INFINITY);
    const enough = await evidenceOf(draws(Novelty.samplesFor(0.05), 10, means));
    expect(new Novelty(enough, 0.05, 3).threshold).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(new Novelty([], 0.05, 3).isNovel({ nearest: 0, distance: 1e9, within: 1e9, angle: -1 })).toBe(
      false,
    );
  });

  it('refuses a rate that is no share', () => {
    for (const rate of [0, 1, -0.1, Number.NaN]) {
      expect(() => new Novelty([], rate, 3)).toThrow(expect.objectContaining({ code: 'novelty-rate' }));
    }
  });
});

describe('novelty of several tasks', () => {
  /** Two tasks: samples of one lie close to their classes, those of the other are spread widely. */
  const spreads = { close: [0.9, 0.01, 50], wide: [0.6, 0.1, 400] } as const;
  const known = (task: keyof typeof spreads, count: number, seed: number) => {
    const random = new Random(seed);
    const [angle, deviation, distance] = spreads[task];
    return Array.from({ length: count }, () => ({
      task,
      evidence: {
        nearest: 0,
        within: distance / 10,
        angle: angle + deviation * random.normal(),
        distance: distance + 0.2 * distance * random.normal(),
      },
    }));
  };
  const share = (novelty: TaskNovelty, samples: ReturnType<typeof known>) =>
    samples.filter(({ task, evidence }) => novelty.judge(task, evidence).novel).length / samples.length;

  it('keeps the rate in each, where one threshold for both takes all false alarms from one', () => {
    const calibration = [...known('close', 200, 1), ...known('wide', 200, 2)];
    const each = new TaskNovelty(calibration, 0.05, 6);
    const one = new Novelty(
      calibration.map((c) => c.evidence),
      0.05,
      6,
    );
    for (const task of ['close', 'wide'] as const) {
      const test = known(task, 2000, 3);
      expect(share(each, test)).toBeGreaterThan(0.015);
      expect(share(each, test)).toBeLessThan(0.08);
      const ps = test.map(({ evidence }) => each.judge(task, evidence).pValue);
      expect(Math.abs(ps.filter((p) => p <= 0.5).length / ps.length - 0.5)).toBeLessThan(0.1);
    }
    const byOne = known('wide', 2000, 3).filter((s) => one.isNovel(s.evidence)).length / 2000;
    expect(byOne).toBeGreaterThan(1.4 * share(each, known('wide', 2000, 3)));
    // What is usual for the wide task is novel for the close one.
    const usual = spreads.wide;
    const evidence = { nearest: 0, angle: usual[0], distance: usual[2], within: usual[2] / 10 };
    expect(each.judge('close', evidence).novel).toBe(true);
    expect(each.judge('wide', evidence).novel).toBe(false);
  });

  it('calls a sample of a task with few known ones novel where it looks more so than each of them', () => {
    const drawn = (seed: number) =>
      new TaskNovelty([...known('close', 200, seed), ...known('wide', 10, 100 + seed)], 0.05, 6);
    // The highest of eleven that are drawn alike is the new one in one of eleven draws.
    const shares = Array.from({ length: 40 }, (_, k) => share(drawn(k), known('wide', 500, 200 + k)));
    expect(shares.reduce((sum, s) => sum + s, 0) / shares.length).toBeLessThan(0.12);
    const each = drawn(1);
    const far = { nearest: 0, angle: -0.5, distance: 5000, within: 500 };
    expect(each.judge('wide', far).novel).toBe(true);
    // A task of which there is none yet goes by all.
    expect(each.judge('new', far).novel).toBe(true);
  });
});
