import { describe, expect, it } from 'vitest';
import { Plateau } from '../../src/learn/plateau.js';

/** What a plateau says to a series of losses, letting the rates fall when it says so. */
function follow(patience: number, losses: readonly number[]): { next: string[]; best: boolean[] } {
  const plateau = new Plateau(patience);
  let decayed = false;
  const verdicts = losses.map((loss) => {
    const verdict = plateau.look(loss, decayed);
    decayed ||= verdict.next === 'decay';
    return verdict;
  });
  return { next: verdicts.map((v) => v.next), best: verdicts.map((v) => v.best) };
}

describe('the end of training by held-out samples', () => {
  it('goes on while the loss falls', () => {
    const { next, best } = follow(1, [3, 2.5, 2, 1, 0.5]);
    expect(new Set(next)).toEqual(new Set(['go on']));
    expect(best).not.toContain(false);
  });

  it('lets the rates fall first, and ends when that brings nothing more', () => {
    const { next, best } = follow(1, [3, 2, 2.1, 1.5, 1.6]);
    expect(next).toEqual(['go on', 'go on', 'decay', 'go on', 'stop']);
    expect(best).toEqual([true, true, false, true, false]);
  });

  it('waits for as many looks as it was told to', () => {
    expect(follow(2, [2, 2.1, 2.2, 2.1, 2.3]).next).toEqual(['go on', 'go on', 'decay', 'go on', 'stop']);
    expect(follow(2, [2, 2.1, 1.9, 2, 1.8]).next).not.toContain('decay');
  });

  it('keeps a loss that is a little smaller, but calls it no progress', () => {
    expect(follow(1, [2, 1.999])).toEqual({ next: ['go on', 'decay'], best: [true, true] });
  });

  it('waits anew when the rates fell for another reason', () => {
    const plateau = new Plateau(2);
    plateau.look(1, false);
    expect(plateau.look(1.1, false).next).toBe('go on');
    expect(plateau.look(1.1, true).next).toBe('go on');
    expect(plateau.look(1.1, true).next).toBe('stop');
  });
});
