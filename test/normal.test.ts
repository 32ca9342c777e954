import { describe, expect, it } from 'vitest';
import { fillNormal } from '../src/normal.js';
import { Random } from '../src/random.js';

/** The standard normal distribution's function, by the series of its density about zero. */
function below(x: number): number {
  let [sum, term] = [x, x];
  for (let n = 1; n < 400; n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

function draws(count: number, seed: number): Float32Array {
  const values = new Float32Array(count);
  fillNormal(values, new Random(seed));
  return values;
}

describe('normal draws', () => {
  const values = draws(1_000_000, 5);

  it('are distributed as the standard normal: no share of draws below a value is off by more than chance', () => {
    const sorted = values.slice().sort();
    let worst = 0;
    for (let i = 0; i < sorted.length; i += 50) {
      worst = Math.max(worst, Math.abs(below(sorted[i]!) - (i + 0.5) / sorted.length));
    }
    // Kolmogorov and Smirnov: beyond 1.63 / sqrt(n) in one of a hundred samples.
    expect(worst).toBeLessThan(1.63 / Math.sqrt(sorted.length));
  });

  it('reach into the tail as often as they should', () => {
    const beyond = values.filter((v) => Math.abs(v) > 3.6).length;
    const expected = 2 * (1 - below(3.6)) * values.length;
    expect(Math.abs(beyond - expected)).toBeLessThan(4 * Math.sqrt(expected));
    expect(values.some((v) => v > 4) && values.some((v) => v < -4)).toBe(true);
  });

  it('do not hang together from one to the next', () => {
    let product = 0;
    for (let i = 1; i < values.length; i++) product += values[i]! * values[i - 1]!;
    expect(Math.abs(product / values.length)).toBeLessThan(4e-3);
  });

  it('repeat with their seed, and differ with another', () => {
    expect(draws(10_000, 3)).toEqual(draws(10_000, 3));
    expect(draws(10_000, 3)).not.toEqual(draws(10_000, 4));
  });
});

describe('filling with integers', () => {
  it('gives what drawing one by one gives, and goes on from there', () => {
    const [a, b] = [new Random(9), new Random(9)];
    const filled = new Uint32Array(1000);
    a.fill(filled);
    expect([...filled]).toEqual(Array.from({ length: 1000 }, () => b.uint32()));
    expect(a.uint32()).toBe(b.uint32());
  });
});
