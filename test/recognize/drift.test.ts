import { describe, expect, it } from 'vitest';
import { Random } from '../../src/random.js';
import { Adwin } from '../../src/recognize/adwin.js';
import { DriftMonitor } from '../../src/recognize/drift.js';
import type { DriftDetector } from '../../src/recognize/drift-detector.js';
import { PageHinkley } from '../../src/recognize/page-hinkley.js';

/** The first value at which a detector speaks; undefined if it never does. */
function firstAlarm(detector: DriftDetector, values: Iterable<number>): number | undefined {
  let k = 0;
  for (const value of values) {
    k++;
    if (detector.add(value)) return k;
  }
  return undefined;
}

const evenly = (random: Random, count: number, from = 0, to = 1) =>
  Array.from({ length: count }, () => from + (to - from) * random.next());

function alarms(detector: DriftDetector, values: readonly number[]): number {
  return values.filter((v) => detector.add(v)).length;
}

describe('the Page-Hinkley test', () => {
  it('is silent while the mean stays, and soon speaks when it rises', () => {
    const random = new Random(1);
    const detector = new PageHinkley();
    expect(alarms(detector, evenly(random, 20_000))).toBeLessThanOrEqual(1);
    const delay = firstAlarm(detector, evenly(random, 200, 0.9, 1));
    expect(delay).toBeGreaterThan(5);
    expect(delay).toBeLessThan(40);
  });

  it('does not mind a mean that falls', () => {
    const random = new Random(2);
    const detector = new PageHinkley();
    expect(alarms(detector, [...evenly(random, 500), ...evenly(random, 500, 0, 0.2)])).toBe(0);
  });
});

describe('ADWIN', () => {
  it('keeps a window of everything while nothing changes', () => {
    const detector = new Adwin();
    expect(alarms(detector, evenly(new Random(3), 20_000))).toBeLessThanOrEqual(2);
    expect(detector.count).toBeGreaterThan(5000);
    expect(Math.abs(detector.mean - 0.5)).toBeLessThan(0.02);
  });

  it('drops what was before a change, and has the new mean then', () => {
    const random = new Random(4);
    const detector = new Adwin();
    alarms(detector, evenly(random, 1000, 0.6, 1));
    const delay = firstAlarm(detector, evenly(random, 500, 0.2, 0.6));
    expect(delay).toBeLessThan(60);
    alarms(detector, evenly(random, 300, 0.2, 0.6));
    expect(Math.abs(detector.mean - 0.4)).toBeLessThan(0.05);
    expect(detector.count).toBeLessThan(500);
  });

  it('notices a slow change, too', () => {
    const random = new Random(5);
    const detector = new Adwin();
    alarms(detector, evenly(random, 1000, 0.6, 1));
    const slowly = Array.from({ length: 1000 }, (_, k) => 0.6 - 0.4 * (k / 1000) + 0.4 * random.next());
    expect(firstAlarm(detector, slowly)).toBeLessThan(600);
  });

  it('has memory that grows with the logarithm of the window', () => {
    const detector = new Adwin();
    for (let k = 0; k < 50_000; k++) detector.add(0.5);
    expect((detector as unknown as { buckets: unknown[] }).buckets.length).toBeLessThan(100);
    expect(detector.count).toBe(50_000);
    expect(detector.mean).toBeCloseTo(0.5, 10);
  });
});

describe('the drift monitor', () => {
  const stream = (random: Random, count: number, sure: number, common: number, task = 'door') =>
    Array.from({ length: count }, () => ({
      task,
      confidence: Math.min(1, sure + 0.1 * random.next()),
      pValue: common * random.next(),
    }));

  it('is silent in an unchanged stream', () => {
    const monitor = new DriftMonitor();
    const found = stream(new Random(6), 10_000, 0.85, 1).filter((s) => monitor.add(s) !== undefined);
    expect(found.length).toBeLessThanOrEqual(2);
  });

  it('tells samples that are no longer common, and answers that are less sure', () => {
    const random = new Random(7);
    for (const [sure, common, kind] of [
      [0.85, 0.02, 'novelty'],
      [0.4, 1, 'confidence'],
    ] as const) {
      const monitor = new DriftMonitor();
      for (const s of stream(random, 500, 0.85, 1)) monitor.add(s);
      const told = stream(random, 100, sure, common).map((s) => monitor.add(s));
      expect(told.find((t) => t !== undefined)).toBe(kind);
    }
  });

  it('does not mind a stream that goes to a task whose answers are less sure, and tells when that one becomes worse', () => {
    const random = new Random(9);
    const monitor = new DriftMonitor();
    const alarms = (count: number, sure: number, task: string) =>
      stream(random, count, sure, 1, task).filter((s) => monitor.add(s) !== undefined).length;
    for (let k = 0; k < 5; k++) {
      expect(alarms(200, 0.85, 'door')).toBe(0);
      expect(alarms(200, 0.6, 'gate')).toBe(0);
    }
    expect(alarms(100, 0.3, 'gate')).toBeGreaterThan(0);
  });

  it('does not mind answers that become surer', () => {
    const random = new Random(8);
    const monitor = new DriftMonitor();
    for (const s of stream(random, 500, 0.4, 1)) monitor.add(s);
    expect(stream(random, 300, 0.85, 1).filter((s) => monitor.add(s) !== undefined)).toEqual([]);
  });
});
