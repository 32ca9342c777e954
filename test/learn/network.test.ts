import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { deployModel } from '../../src/learn/deploy.js';
import { Frozen } from '../../src/learn/isolation/frozen.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { CODEC, patternSamples, smallCrown } from './small-crown.js';

const engine = new OrtEngine();
const context = { crown: smallCrown(), earlier: [] };
const { latents } = patternSamples(10, 2, 3);
let describer: TaskNetwork;
let classifier: TaskNetwork;

beforeAll(async () => {
  const bare = deployModel(new Frozen(), context, { tensors: new Map() });
  describer = await TaskNetwork.open(engine, bare, CODEC);
  const head = {
    kind: 'softmax' as const,
    classes: ['a', 'b'],
    weight: Float32Array.from({ length: 96 }, (_, i) => Math.sin(i)),
    bias: new Float32Array(2),
    features: 48,
  };
  classifier = await TaskNetwork.open(
    engine,
    deployModel(new Frozen(), context, { tensors: new Map(), head }),
    CODEC,
  );
});
afterAll(async () => {
  await describer.close();
  await classifier.close();
});

describe("a task's network", () => {
  it('gives rows in the order of the latents, whatever the batch', async () => {
    const whole = await classifier.probabilities(latents);
    expect(whole).toMatchObject({ count: 10, width: 2 });
    for (const batch of [1, 3, 10]) {
      const parts = await classifier.probabilities(latents, batch);
      expect(parts).toMatchObject({ count: 10, width: 2 });
      parts.data.forEach((p, i) => {
        expect(p).toBeCloseTo(whole.data[i]!, 5);
      });
    }
    const reversed = await classifier.probabilities([...latents].reverse());
    for (let i = 0; i < 10; i++) expect(reversed.data[2 * i]).toBeCloseTo(whole.data[2 * (9 - i)]!, 5);
    expect(new Set(whole.data).size).toBeGreaterThan(10);
  });

  it('gives probabilities that sum to one', async () => {
    const { data } = await classifier.probabilities(latents);
    for (let i = 0; i < 10; i++) expect(data[2 * i]! + data[2 * i + 1]!).toBeCloseTo(1, 5);
  });

  it('describes with features and summary', async () => {
    const { features, summary } = await describer.describe(latents, 4);
    expect(features).toMatchObject({ count: 10, width: 48 });
    expect(summary.width).toBe(describer.blocks.reduce((p, q) => p + q));
    expect(summary.data.length).toBe(10 * summary.width);
  });

  it('of no latents gives no rows', async () => {
    expect(await classifier.probabilities([])).toMatchObject({ count: 0 });
    expect((await classifier.probabilities([])).data.length).toBe(0);
  });

  it('refuses a latent of another length', async () => {
    await expect(classifier.probabilities([latents[0]!.subarray(1)])).rejects.toThrow(
      /a latent has 288 bytes, got 287/,
    );
  });
});
