import { describe, expect, it } from 'vitest';
import { type Candidate, Candidates } from '../../src/label/candidates.js';
import { worthOf } from '../../src/label/informative.js';
import { distance } from '../../src/label/look.js';
import { answerOf } from './queue-rooms.js';

/** A candidate that looks like a direction in the plane. */
function candidate(sample: string, worth: number, degrees: number, at = 0): Candidate {
  const angle = (degrees * Math.PI) / 180;
  return {
    ...{ sample, worth, at, source: 'cam', task: undefined, reason: 'unsure', answer: null, weak: null },
    ...{ latent: new Uint8Array(), picture: Buffer.alloc(0) },
    look: Float32Array.of(Math.cos(angle), Math.sin(angle)),
  };
}
const names = (candidates: Candidates) =>
  candidates
    .list()
    .map((c) => c.sample)
    .sort();

describe('candidates', () => {
  it('are so many at most; the one goes that tells least', () => {
    const candidates = new Candidates(2);
    candidates.add(candidate('a', 0.5, 0));
    candidates.add(candidate('b', 0.3, 90));
    expect(candidates.wants(0.2, candidate('c', 0.2, 180).look)).toBe(false);
    expect(candidates.wants(0.4, candidate('c', 0.4, 180).look)).toBe(true);
    candidates.add(candidate('c', 0.4, 180));
    expect(names(candidates)).toEqual(['a', 'c']);
  });

  it('are one of those that look the same', () => {
    const candidates = new Candidates(10);
    candidates.add(candidate('a', 0.5, 0));
    const same = candidate('b', 0.6, 5);
    expect(distance(same.look, candidate('a', 0, 0).look)).toBeCloseTo(2 * Math.sin(Math.PI / 72), 5);
    expect(candidates.wants(0.5, same.look)).toBe(false);
    expect(candidates.wants(0.6, same.look)).toBe(true);
    candidates.add(same);
    expect(names(candidates)).toEqual(['b']);
    candidates.removeAlike(candidate('c', 0, 2).look);
    expect(candidates.size).toBe(0);
  });

  it('are asked about by what they tell, times how far they are from what is known', () => {
    const candidates = new Candidates(10);
    candidates.add(candidate('near', 0.9, 2));
    candidates.add(candidate('far', 0.5, 90));
    expect(candidates.next(1, [])[0]!.sample).toBe('near');
    expect(candidates.next(1, [candidate('known', 0, 0).look])[0]!.sample).toBe('far');
    // What is thought of them changes.
    const now = { worth: 1, reason: 'different', answer: null, weak: null } as const;
    expect(candidates.judge('far', now)).toBe(true);
    expect(candidates.judge('gone', now)).toBe(false);
    expect(candidates.next(1, [])[0]).toMatchObject({ sample: 'far', worth: 1, reason: 'different' });
    expect(candidates.size).toBe(2);
    expect(new Candidates(1).next(3, [])).toEqual([]);
    expect(candidates.next(0, [])).toEqual([]);
  });

  it('are compared by which tells more, not by how much: an early discriminant is sure of everything', () => {
    const candidates = new Candidates(10);
    const worths = [1e-9, 2e-9, 3e-9];
    for (const [k, worth] of worths.entries()) candidates.add(candidate(`c${k}`, worth, 90 + 60 * k));
    expect(candidates.next(1, [candidate('known', 0, 0).look])[0]!.sample).toBe('c2');
    candidates.add(candidate('sure', 0, 330));
    expect(candidates.next(1, [candidate('known', 0, 0).look])[0]!.sample).toBe('c2');
  });

  it('are chosen far from those that were chosen before', () => {
    const candidates = new Candidates(10);
    candidates.add(candidate('a', 1, 0));
    candidates.add(candidate('beside a', 0.9, 16));
    candidates.add(candidate('opposite', 0.9, 180));
    candidates.add(candidate('beside opposite', 0.9, 195));
    expect(candidates.next(3, []).map((c) => c.sample)).toEqual(['a', 'opposite', 'beside a']);
    // None of them has gone.
    expect(candidates.size).toBe(4);
  });

  it('go when they are old', () => {
    const candidates = new Candidates(10);
    candidates.add(candidate('a', 0.5, 0, 100));
    candidates.add(candidate('b', 0.5, 90, 200));
    candidates.removeOld(200);
    expect(names(candidates)).toEqual(['b']);
  });
});

describe('how much a label tells', () => {
  it('is most for what nothing explains, the more the stranger', () => {
    const strange = worthOf(answerOf('bag', 0.99, { novel: true, pValue: 0.01 }), undefined);
    const stranger = worthOf(answerOf('bag', 0.99, { novel: true, pValue: 0.001 }), undefined);
    expect(strange).toEqual({ reason: 'novel', worth: 1.99 });
    expect(stranger.worth).toBeGreaterThan(strange.worth);
    expect(worthOf(answerOf('bag', 0.99, { novel: true, pValue: 0.01 }), 'shoe').reason).toBe('novel');
    expect(worthOf(undefined, 'shoe').reason).toBe('disagreement');
    expect(worthOf(answerOf('bag', 0.5), 'shoe')).toEqual({ reason: 'disagreement', worth: 1.2 });
  });

  it('grows as the margin falls', () => {
    const worths = [0.99, 0.8, 0.69, 0.6, 0.5].map((p) => worthOf(answerOf('bag', p), 'bag'));
    expect(worths.map((w) => w.reason)).toEqual(['different', 'different', 'unsure', 'unsure', 'unsure']);
    expect(worths.map((w) => w.worth)).toEqual(worths.map((w) => w.worth).sort((a, b) => a - b));
    expect(worths.at(-1)!.worth).toBe(1);
  });

  it('is only that of being different where nothing can be said, or one class is known', () => {
    expect(worthOf(undefined, undefined)).toEqual({ reason: 'different', worth: 1 });
    const one = answerOf('bag', 1, { all: [{ label: 'bag', probability: 1 }] });
    expect(worthOf(one, undefined)).toEqual({ reason: 'different', worth: 1 });
    expect(worthOf({ ...one, novel: true }, undefined).reason).toBe('novel');
  });
});
