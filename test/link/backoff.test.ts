import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/link/backoff.js';
import { Random } from '../../src/random.js';

describe('Backoff', () => {
  it('doubles up to its ceiling, with jitter of half the delay', () => {
    const backoff = new Backoff({ minMs: 1000, maxMs: 60_000, random: new Random(1) });
    const delays = Array.from({ length: 40 }, () => backoff.next());
    for (const [i, delay] of delays.entries()) {
      const whole = Math.min(60_000, 1000 * 2 ** i);
      expect(delay).toBeGreaterThanOrEqual(whole / 2);
      expect(delay).toBeLessThanOrEqual(whole);
    }
    backoff.reset();
    expect(backoff.next()).toBeLessThanOrEqual(1000);
  });

  it('differs between seeds and repeats with one', () => {
    const delays = (seed: number) => {
      const backoff = new Backoff({ minMs: 1000, maxMs: 60_000, random: new Random(seed) });
      return Array.from({ length: 5 }, () => backoff.next());
    };
    expect(delays(1)).toEqual(delays(1));
    expect(delays(1)).not.toEqual(delays(2));
  });
});
