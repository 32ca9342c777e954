import { describe, expect, it } from 'vitest';
import { logits } from '../../src/learn/head.js';
import type { Rows } from '../../src/learn/network.js';
import { calibrate } from '../../src/learn/streaming/calibrate.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { fitTemperature, likelyTemperature, presumedTemperature } from '../../src/learn/temperature.js';
import { Random } from '../../src/random.js';

/** Logits whose classes are as likely as their softmax at a temperature says, and what was drawn. */
function drawn(count: number, temperature: number, seed: number): { scores: Rows; labels: number[] } {
  const random = new Random(seed);
  const data = Float32Array.from({ length: 3 * count }, () => 4 * temperature * random.normal());
  const labels = Array.from({ length: count }, (_, i) => {
    const [a, b, c] = [...data.subarray(3 * i, 3 * i + 3)].map((v) => Math.exp(v / temperature));
    const at = random.next() * (a! + b! + c!);
    return at < a! ? 0 : at < a! + b! ? 1 : 2;
  });
  return { scores: { data, count, width: 3 }, labels };
}

describe('a temperature', () => {
  it('is found where samples are many', () => {
    const { scores, labels } = drawn(4000, 20, 1);
    expect(fitTemperature(scores, labels).temperature / 20).toBeCloseTo(1, 0);
    expect(likelyTemperature(scores, labels, 5) / 20).toBeGreaterThan(0.9);
    expect(likelyTemperature(scores, labels, 5) / 20).toBeLessThan(1.1);
  });

  it('is the presumed one without samples, and near it with few', () => {
    const none = { data: new Float32Array(0), count: 0, width: 3 };
    expect(likelyTemperature(none, [], 70)).toBeCloseTo(70, 1);
    const { scores, labels } = drawn(3, 20, 2);
    const [right, wrong] = [labels, labels.map((l) => (l + 1) % 3)];
    const [sure, unsure] = [right, wrong].map((l) => likelyTemperature(scores, l, 20) / 20);
    expect(sure!).toBeGreaterThan(0.4);
    expect(sure!).toBeLessThan(unsure!);
    expect(unsure!).toBeLessThan(6);
  });

  it('is presumed lower with more samples, and higher with more features', () => {
    expect(presumedTemperature(2048, 40, true)).toBeGreaterThan(2 * presumedTemperature(2048, 160, true));
    expect(presumedTemperature(2048, 40, true)).toBeGreaterThan(5 * presumedTemperature(256, 40, true));
    expect(presumedTemperature(16, 1e6, true)).toBeGreaterThan(0);
  });
});

const WIDTH = 160;
const CLASSES = 5;

/** Samples of classes whose means differ a little in some of many features. */
function samples(count: number, seed: number): { summary: Float32Array; label: string }[] {
  const means = new Random(99);
  const at = Array.from({ length: CLASSES }, () =>
    Float64Array.from({ length: WIDTH }, (_, k) => (k % 8 === 0 ? 0.9 * means.normal() : 0)),
  );
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => ({
    summary: Float32Array.from({ length: WIDTH }, (_, k) => at[i % CLASSES]![k]! + random.normal()),
    label: `class ${i % CLASSES}`,
  }));
}

/** How sure the answers are, how often they are right, and the mean negative log likelihood. */
async function judged(discriminant: StreamingDiscriminant, tested: ReturnType<typeof samples>) {
  const head = await discriminant.head();
  const data = Float32Array.from(tested.flatMap((s) => [...s.summary]));
  const scores = logits(head, { data, count: tested.length, width: WIDTH });
  let [sure, right, loss] = [0, 0, 0];
  tested.forEach(({ label }, i) => {
    const row = [...scores.data.subarray(i * CLASSES, (i + 1) * CLASSES)];
    const peak = Math.max(...row);
    const sum = row.reduce((a, v) => a + Math.exp(v - peak), 0);
    const own = row[head.classes.indexOf(label)]!;
    sure += 1 / sum / tested.length;
    if (own === peak) right += 1 / tested.length;
    loss += (Math.log(sum) - own + peak) / tested.length;
  });
  return { sure, right, loss };
}

describe('a streaming discriminant', () => {
  it.each([15, 40, 160])('is hardly surer than it is right, with %i samples', async (count) => {
    const discriminant = new StreamingDiscriminant([WIDTH]);
    for (const { summary, label } of samples(count, 3)) discriminant.add(summary, label);
    const { sure, right } = await judged(discriminant, samples(500, 4));
    expect(right).toBeGreaterThan(0.4);
    expect(sure).toBeLessThan(right + 0.1);
    discriminant.calibrateTo(3);
    expect((await judged(discriminant, samples(500, 4))).sure).toBeGreaterThan(sure);
  });

  it('learns from held-out samples how sure to be, and keeps it', async () => {
    const discriminant = new StreamingDiscriminant([WIDTH]);
    for (const { summary, label } of samples(80, 5)) discriminant.add(summary, label);
    discriminant.calibrateTo(discriminant.temperature / 30);
    const heldOut = samples(30, 6);
    const tested = samples(500, 7);
    const before = await judged(discriminant, tested);
    const labels = heldOut.map((s) => s.label);
    await calibrate(
      discriminant,
      heldOut.map((s) => s.summary),
      labels,
    );
    const after = await judged(discriminant, tested);
    expect(after.right).toBeCloseTo(before.right, 2);
    expect(after.loss).toBeLessThan(0.7 * before.loss);
    const decoded = StreamingDiscriminant.decode(Buffer.concat([...discriminant.encode()]));
    expect(decoded.temperature).toBeCloseTo(discriminant.temperature, 6);
  });

  it('learns nothing from held-out samples of a class that it does not know', async () => {
    const discriminant = new StreamingDiscriminant([WIDTH]);
    for (const { summary, label } of samples(20, 8)) discriminant.add(summary, label);
    const before = discriminant.temperature;
    await calibrate(discriminant, [samples(1, 9)[0]!.summary], ['another']);
    expect(discriminant.temperature / before).toBeCloseTo(1, 3);
  });
});
