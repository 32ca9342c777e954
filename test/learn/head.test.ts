import { describe, expect, it } from 'vitest';
import { answers, chooseHead, type Described, logits } from '../../src/learn/head.js';
import type { Rows } from '../../src/learn/network.js';
import { fromHalf, toHalf } from '../../src/onnx/float16.js';
import { Random } from '../../src/random.js';

const WIDTH = 6;
const CLASSES = ['a', 'b', 'c'];

const rows = (data: Float32Array, width: number): Rows => ({ data, count: data.length / width, width });

/** Three classes about three corners, under noise. */
function described(count: number, seed: number, noise = 0.8): Described {
  const random = new Random(seed);
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  const data = Float32Array.from({ length: count * WIDTH }, (_, i) => {
    const [row, column] = [Math.floor(i / WIDTH), i % WIDTH];
    return (column === labels[row] ? 2 : 0) + noise * random.normal();
  });
  return { features: rows(data, WIDTH), summary: rows(data.slice(), WIDTH), labels };
}

const none: Described = {
  features: rows(new Float32Array(0), WIDTH),
  summary: rows(new Float32Array(0), WIDTH),
  labels: [],
};
/** Reads the class off its own column. */
const perfect = () => ({
  weight: Float32Array.from({ length: 3 * WIDTH }, (_, i) => (i % WIDTH === Math.floor(i / WIDTH) ? 4 : 0)),
  bias: new Float32Array(3),
});

describe('logits and answers', () => {
  it('are weight times row plus bias, and the largest of each row', () => {
    const head = {
      kind: 'softmax' as const,
      classes: ['p', 'q'],
      weight: Float32Array.of(1, 2, -1, 0.5),
      bias: Float32Array.of(0, 3),
      features: 2,
    };
    const found = logits(head, rows(Float32Array.of(1, 1, 4, 0), 2));
    expect([...found.data]).toEqual([3, 2.5, 4, -1]);
    expect(answers(found)).toEqual([0, 0]);
    expect(answers(rows(Float32Array.of(1, 5, 5, 9, 2, 2), 3))).toEqual([1, 0]);
  });
});

describe('the choice of a head', () => {
  it('is the discriminant where the softmax head is worse on held-out samples', async () => {
    const useless = { weight: new Float32Array(3 * WIDTH), bias: Float32Array.of(1, 0, 0) };
    const chosen = await chooseHead(described(60, 1), described(30, 2), CLASSES, [WIDTH], useless, 0);
    expect(chosen.head.kind).toBe('discriminant');
    expect(chosen.validation).toBe('held-out');
    expect(chosen.accuracy).toBeGreaterThan(0.7);
    expect([0.05, 0.1, 0.2, 0.3, 0.5]).toContain(chosen.shrinkage);
    expect(chosen.head.classes).toEqual(CLASSES);
  });

  it('is the softmax head only where it is better, not where it is as good', async () => {
    const [train, easy] = [described(60, 1), described(30, 2, 0.05)];
    const tied = await chooseHead(train, easy, CLASSES, [WIDTH], perfect(), 0);
    expect(tied.accuracy).toBe(1);
    expect(tied.head.kind).toBe('discriminant');
    // A discriminant that was taught nonsense.
    const confused = { ...described(60, 1), labels: Array.from({ length: 60 }, (_, i) => ((i * 7) % 5) % 3) };
    const chosen = await chooseHead(confused, easy, CLASSES, [WIDTH], perfect(), 0);
    expect(chosen).toMatchObject({ accuracy: 1, shrinkage: null, head: { kind: 'softmax' } });
  });

  it('without held-out samples is the discriminant, by cross-validation', async () => {
    const train = described(60, 1);
    const chosen = await chooseHead(train, none, CLASSES, [WIDTH], perfect(), 0);
    expect(chosen.head.kind).toBe('discriminant');
    expect(chosen.validation).toBe('cross-validation');
    expect(chosen.accuracy).toBeGreaterThan(0.7);
    // Cross-validated, labels that mean nothing are answered no better than by chance.
    const random = new Random(4);
    const noise = { ...train, labels: train.labels.map(() => random.int(3)) };
    expect((await chooseHead(noise, none, CLASSES, [WIDTH], undefined, 0)).accuracy).toBeLessThan(0.6);
  });

  it('says the accuracy that its head really has there', async () => {
    const heldOut = described(45, 3, 1.2);
    const chosen = await chooseHead(described(60, 1), heldOut, CLASSES, [WIDTH], undefined, 0);
    const given = answers(logits(chosen.head, heldOut.summary));
    const right = given.filter((a, i) => a === heldOut.labels[i]).length / 45;
    expect(chosen.accuracy).toBeCloseTo(right, 10);
    expect(right).toBeGreaterThan(0.5);
    expect(right).toBeLessThan(1);
  });

  it('gives probabilities that are about as sure as they are right', async () => {
    const heldOut = described(300, 3, 1.2);
    const { head } = await chooseHead(described(90, 1, 1.2), heldOut, CLASSES, [WIDTH], undefined, 0);
    const scores = logits(head, heldOut.summary);
    let sure = 0;
    let right = 0;
    answers(scores).forEach((a, i) => {
      const row = [...scores.data.subarray(i * 3, i * 3 + 3)];
      const exp = row.map((v) => Math.exp(v - row[a]!));
      sure += 1 / exp.reduce((p, q) => p + q, 0);
      if (a === heldOut.labels[i]) right++;
    });
    expect(Math.abs(sure - right) / 300).toBeLessThan(0.06);
  });

  it('keeps weights that are exact in half precision, and is the same for the same seed', async () => {
    const choose = (seed: number) => chooseHead(described(40, 1), none, CLASSES, [WIDTH], undefined, seed);
    const [a, b] = [await choose(1), await choose(1)];
    expect(a).toEqual(b);
    expect(fromHalf(toHalf(a.head.weight))).toEqual(a.head.weight);
  });

  it('works with one sample a class', async () => {
    const chosen = await chooseHead(described(3, 1, 0.1), none, CLASSES, [WIDTH], undefined, 0);
    expect(answers(logits(chosen.head, described(9, 2, 0.1).summary))).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(chosen.head.weight.every((w) => Number.isFinite(w))).toBe(true);
  });

  it('works with copies of one sample a class, and with samples that hardly differ', async () => {
    for (const noise of [0, 1e-7, 1e-4]) {
      const train = described(30, 1, noise);
      const { head } = await chooseHead(train, none, CLASSES, [WIDTH], undefined, 0);
      const scores = logits(head, described(9, 2, 0.1).summary);
      expect(
        scores.data.every((v) => Number.isFinite(v)),
        `noise ${noise}`,
      ).toBe(true);
      expect(answers(scores)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    }
  });
});
