import { describe, expect, it } from 'vitest';
import { fillNormal } from '../../src/normal.js';
import { Random } from '../../src/random.js';
import { Corrections, type Labelled } from '../../src/recognize/corrections.js';

const WIDTH = 400;
const LABELS = ['a', 'b', 'c'];

/** A direction near another one, or any. */
function direction(random: Random, near?: Float32Array, share = 0.9): Float32Array {
  const x = new Float32Array(WIDTH);
  fillNormal(x, random);
  const length = (v: Float32Array) => Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));
  const scale = length(x);
  const mixed = x.map((v, k) => v / scale + (near ? (share / (1 - share)) * near[k]! : 0));
  const whole = length(mixed);
  return mixed.map((v) => v / whole);
}

const given = (likeliest: string, probability: number) =>
  new Map(LABELS.map((l) => [l, l === likeliest ? probability : (1 - probability) / (LABELS.length - 1)]));
const best = (probabilities: ReadonlyMap<string, number>) =>
  [...probabilities].sort((p, q) => q[1] - p[1])[0]![0];

describe('corrections', () => {
  it('make every labelled sample its label, however sure the answer was, and leave unlike ones', () => {
    const random = new Random(1);
    const samples = Array.from({ length: 60 }, (_, k): Labelled => {
      const [right, wrong] = random.shuffle([...LABELS]);
      const probability = [0.4, 0.9, 0.999999][k % 3]!;
      return { label: right!, direction: direction(random), given: given(wrong!, probability) };
    });
    const corrections = new Corrections(samples);
    expect(corrections.empty).toBe(false);
    for (const s of samples) expect(best(corrections.correct(s.direction, s.given))).toBe(s.label);
    for (let k = 0; k < 200; k++) {
      const sure = given(LABELS[k % 3]!, 0.9);
      const after = corrections.correct(direction(random), sure);
      expect(best(after)).toBe(LABELS[k % 3]);
      expect([...after.values()].reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 10);
    }
  });

  it('reach samples that are much like a labelled one', () => {
    const random = new Random(2);
    const labelled = { label: 'a', direction: direction(random), given: given('b', 0.7) };
    const corrections = new Corrections([labelled]);
    const like = direction(random, labelled.direction);
    expect(best(corrections.correct(like, given('b', 0.6)))).toBe('a');
  });

  it('change nothing where the label is answered already', () => {
    const random = new Random(3);
    const sure = { label: 'a', direction: direction(random), given: given('a', 0.9) };
    expect(new Corrections([sure]).empty).toBe(true);
    expect(new Corrections([]).empty).toBe(true);
  });

  it('know a label that was not among the answers', () => {
    const random = new Random(4);
    const fresh = { label: 'd', direction: direction(random), given: given('a', 0.99) };
    const corrections = new Corrections([fresh]);
    expect(best(corrections.correct(fresh.direction, fresh.given))).toBe('d');
    expect(best(corrections.correct(direction(random), given('a', 0.9)))).toBe('a');
  });

  it('count for the very same sample alone where nothing is known of what lies around it', () => {
    const middle = new Float32Array(WIDTH);
    const corrections = new Corrections([{ label: 'a', direction: middle, given: given('b', 0.8) }]);
    expect(best(corrections.correct(middle, given('b', 0.8)))).toBe('a');
    expect(best(corrections.correct(direction(new Random(5)), given('b', 0.8)))).toBe('b');
  });
});
