import { describe, expect, it } from 'vitest';
import { Smoothing } from '../../src/recognize/smoothing.js';

const answer = (label: string | null, p = 0.9) => new Map<string | null, number>([[label, p]]);

describe('smoothing', () => {
  it('does not flap where single answers do', () => {
    const smoothing = new Smoothing({ halfLife: 2, enter: 0.7, leave: 0.4 });
    let changes = 0;
    for (let k = 0; k < 60; k++) {
      // Every fifth answer is wrong.
      const { changed } = smoothing.add(answer(k % 5 === 4 ? 'shut' : 'open'), k * 1000);
      if (changed) changes++;
    }
    expect(changes).toBe(1);
  });

  it('follows when the answer stays another one, and says so once', () => {
    const smoothing = new Smoothing({ halfLife: 2, enter: 0.7, leave: 0.4 });
    for (let k = 0; k < 10; k++) smoothing.add(answer('open'), k * 500);
    const after = Array.from({ length: 20 }, (_, k) => smoothing.add(answer('shut'), 5000 + k * 500));
    expect(after.at(-1)!.label).toBe('shut');
    const named = after.filter((s) => s.changed && s.label === 'shut');
    expect(named).toHaveLength(1);
    // Not at the first answer, and not for ever after.
    const at = after.indexOf(named[0]!);
    expect(at).toBeGreaterThan(1);
    expect(at).toBeLessThan(15);
  });

  it('holds a label between leaving and entering', () => {
    const smoothing = new Smoothing({ halfLife: 0, enter: 0.8, leave: 0.3 });
    expect(smoothing.add(answer('open', 0.5), 0).label).toBeUndefined();
    expect(smoothing.add(answer('open', 0.9), 1).label).toBe('open');
    expect(smoothing.add(answer('open', 0.5), 2).label).toBe('open');
    expect(smoothing.add(answer('open', 0.2), 3).label).toBeUndefined();
  });

  it('takes time for what it is: a slow source is followed in as many seconds', () => {
    const seconds = (every: number): number => {
      const smoothing = new Smoothing({ halfLife: 4 });
      let at = 0;
      for (; at < 40_000; at += every) smoothing.add(answer('open', 1), at);
      const from = at;
      while (smoothing.add(answer('shut', 1), at).label !== 'shut') at += every;
      return (at - from) / 1000;
    };
    expect(Math.abs(seconds(100) - seconds(1000))).toBeLessThan(2);
  });

  it('knows novel as what it is', () => {
    const smoothing = new Smoothing({ halfLife: 0 });
    expect(smoothing.add(answer(null, 1), 0)).toEqual({ label: null, probability: 1, changed: true });
  });

  it('refuses settings that make no sense', () => {
    for (const wrong of [{ halfLife: -1 }, { enter: 0 }, { enter: 1.1 }, { leave: 0.9, enter: 0.8 }]) {
      expect(() => new Smoothing(wrong)).toThrow(expect.objectContaining({ code: 'smoothing-setting' }));
    }
  });
});
