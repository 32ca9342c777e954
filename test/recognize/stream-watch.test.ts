import { describe, expect, it } from 'vitest';
import { Random } from '../../src/random.js';
import type { Answer } from '../../src/recognize/answer.js';
import { SMOOTHING_DEFAULTS } from '../../src/recognize/smoothing.js';
import { StreamWatch } from '../../src/recognize/stream-watch.js';

const answer = (label: string, probability: number, more: Partial<Answer> = {}): Answer => ({
  ...{ task: 'door', label, probability, version: 'instant' as const, novel: false },
  all: [
    { label, probability },
    { label: label === 'open' ? 'shut' : 'open', probability: 1 - probability },
  ],
  ...more,
});

describe('a watched stream', () => {
  it('is smoothed for each source by itself', () => {
    const watch = new StreamWatch(SMOOTHING_DEFAULTS);
    for (let k = 0; k < 20; k++) {
      watch.add('front', answer('open', 0.95), k * 1000);
      watch.add('back', answer('shut', 0.95), k * 1000);
    }
    expect(watch.add('front', answer('open', 0.95), 20_000).smoothed.label).toBe('open');
    expect(watch.add('back', answer('open', 0.95), 20_000).smoothed.label).toBe('shut');
  });

  it('stands as novel when the answers stay novel', () => {
    const watch = new StreamWatch(SMOOTHING_DEFAULTS);
    for (let k = 0; k < 10; k++) watch.add('front', answer('open', 0.95), k * 1000);
    const later = Array.from({ length: 10 }, (_, k) =>
      watch.add('front', answer('open', 0.95, { novel: true, pValue: 0.01 }), 10_000 + k * 1000),
    );
    expect(later.at(-1)!.smoothed.label).toBeNull();
  });

  it('tells once that its pictures are others, and of the source only that they come by', () => {
    const random = new Random(1);
    const watch = new StreamWatch(SMOOTHING_DEFAULTS);
    const both = ['front', 'back'] as const;
    for (let k = 0; k < 300; k++) {
      for (const source of both) {
        expect(
          watch.add(source, answer('open', 0.9, { pValue: random.next() }), k * 100).drift,
        ).toBeUndefined();
      }
    }
    const told = Array.from({ length: 60 }, (_, k) => ({
      front: watch.add('front', answer('open', 0.9, { pValue: 0.02 * random.next() }), 30_000 + k * 100)
        .drift,
      back: watch.add('back', answer('open', 0.9, { pValue: random.next() }), 30_000 + k * 100).drift,
    }));
    expect(told.map((t) => t.front).filter((t) => t !== undefined)[0]).toBe('novelty');
    expect(told.map((t) => t.back).filter((t) => t !== undefined)).toEqual([]);
  });
});
