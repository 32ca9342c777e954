import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Focus } from '../../src/learn/focus.js';
import { Random } from '../../src/random.js';

const indices = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A focus that has seen sample i with the loss losses[i]. */
function seen(losses: readonly number[], share: number, batch: number): Focus {
  const focus = new Focus(losses.length, share, batch);
  focus.saw(indices(losses.length), losses);
  return focus;
}

describe('the choice of samples by their loss', () => {
  it('takes the samples with the largest loss, and a few of the others', () => {
    const losses = indices(100).map((i) => (i * 37) % 100);
    const chosen = seen(losses, 0.3, 5).choose(indices(100), new Random(1));
    expect(chosen).toHaveLength(35);
    const hardest = indices(100).filter((i) => losses[i]! >= 70);
    expect(chosen).toEqual(expect.arrayContaining(hardest));
    const others = chosen.filter((i) => losses[i]! < 70);
    expect(others.length).toBe(5);
  });

  it('draws other ones besides every time', () => {
    const focus = seen(indices(200), 0.2, 10);
    const random = new Random(3);
    const [a, b] = [focus.choose(indices(200), random), focus.choose(indices(200), random)];
    expect(a.slice(0, 40)).toEqual(b.slice(0, 40));
    expect(a.slice(40)).not.toEqual(b.slice(40));
  });

  it('goes by the loss that a sample had last', () => {
    const focus = seen(indices(40), 0.1, 1);
    focus.saw([39, 0], [-1, 100]);
    const chosen = focus.choose(indices(40), new Random(0)).slice(0, 4);
    expect(chosen).toEqual([0, 38, 37, 36]);
  });

  it('counts what was never shown as the hardest', () => {
    const focus = new Focus(20, 0.2, 1);
    focus.saw(indices(18), indices(18));
    expect(focus.choose(indices(20), new Random(0)).slice(0, 2)).toEqual([18, 19]);
  });

  it('shows whole batches, every sample at most once, and all of them with a share of 1', () => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 120 }),
      share: fc.double({ min: 0.01, max: 1, noNaN: true }),
      batch: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(cases, ({ count, share, batch, seed }) => {
        const random = new Random(seed);
        const losses = indices(count).map(() => random.next());
        const focus = seen(losses, share, batch);
        const chosen = focus.choose(indices(count), random);
        expect(chosen).toHaveLength(focus.size(count));
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.length === count || chosen.length % batch === 0).toBe(true);
        expect(chosen.length).toBeGreaterThanOrEqual(Math.min(count, Math.ceil(share * count)));
        expect(seen(losses, 1, batch).choose(indices(count), random)).toEqual(indices(count));
      }),
    );
  });
});
