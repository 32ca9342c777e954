import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitRates, secondsOf } from '../../src/inspect/fit.js';
import type { Work } from '../../src/inspect/work.js';

/** Work of a step of `depth` layers at a batch, roughly as training graphs have it. */
const work = (depth: number, batch: number): Work => ({
  nodes: 40 * depth,
  dense: 2e7 * depth * batch + 1e5 * depth ** 2,
  grouped: 1e6 * depth * batch,
  transposed: 1e6 * depth ** 1.5 * batch,
  moved: 8e6 * depth * batch + 4e6 * depth,
});
const MEASURED = [work(2, 16), work(8, 16), work(60, 1), work(20, 4)];

describe('fitting', () => {
  it('takes one measurement as how much slower the machine is', () => {
    const once = fitRates([{ work: work(5, 16), seconds: 0.1 }]);
    expect(secondsOf(work(5, 16), once)).toBeCloseTo(0.1, 6);
    const twice = fitRates([{ work: work(5, 16), seconds: 0.2 }]);
    for (const k of Object.keys(once) as (keyof Work)[]) expect(twice[k] / once[k]).toBeCloseTo(2, 6);
  });

  it('explains measurements that have an explanation, and what was not measured', () => {
    const share = fc.double({ min: 0.5, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(share, share, share, share, share), share, ([a, b, c, d, e], slow) => {
        const truth = {
          nodes: 5e-6 * a * slow,
          dense: 1.3e-11 * b * slow,
          grouped: 8e-11 * c * slow,
          transposed: 1.8e-10 * d * slow,
          moved: 5.5e-11 * e * slow,
        };
        const rates = fitRates(MEASURED.map((w) => ({ work: w, seconds: secondsOf(w, truth) })));
        const ratio = (w: Work) => secondsOf(w, rates) / secondsOf(w, truth);
        for (const w of MEASURED) expect(Math.abs(ratio(w) - 1)).toBeLessThan(0.15);
        for (const w of [work(4, 16), work(30, 16), work(60, 16)]) {
          expect(Math.abs(ratio(w) - 1)).toBeLessThan(0.3);
        }
      }),
    );
  });

  it('never gives a rate below zero, whatever was measured', () => {
    const seconds = fc.double({ min: 1e-6, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 1, maxLength: 4 }), (times) => {
        const rates = fitRates(times.map((s, i) => ({ work: MEASURED[i]!, seconds: s })));
        for (const rate of Object.values(rates)) {
          expect(rate).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(rate)).toBe(true);
        }
      }),
    );
  });
});
