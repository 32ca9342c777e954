import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agreement, isSure, WeakLabels } from '../../src/label/weak-labels.js';
import { openStore, type Store } from '../../src/store/store.js';
import { scratchFolder } from '../store/scratch.js';
import { answerOf } from './queue-rooms.js';

const scratch = scratchFolder();

describe('agreement', () => {
  const classes = ['good', 'crack', 'hole'];
  const answer = (good: number, crack: number, hole: number) =>
    answerOf('good', good, {
      all: [
        { label: 'good', probability: good },
        { label: 'crack', probability: crack },
        { label: 'hole', probability: hole },
      ],
    });

  it("is Bayes' rule, calculated by hand", () => {
    // Prior 0.6, 0.3, 0.1; 'crack' is said of cracks in 80 of 100, of each other class in 10:
    // 0.3 * 0.8 / (0.3 * 0.8 + 0.6 * 0.1 + 0.1 * 0.1) = 0.24 / 0.31
    expect(agreement('crack', 0.8, answer(0.6, 0.3, 0.1), classes)).toBeCloseTo(0.24 / 0.31, 12);
    // 0.95 * 0.8 / (0.76 + 0.05 * 0.1) = 0.76 / 0.765
    expect(agreement('good', 0.8, answer(0.95, 0.03, 0.02), classes)).toBeCloseTo(0.76 / 0.765, 12);
    // A label no better than chance leaves what the device thought.
    expect(agreement('hole', 1 / 3, answer(0.6, 0.3, 0.1), classes)).toBeCloseTo(0.1, 12);
    // Of two classes: 0.9 * 0.9 / (0.81 + 0.01)
    expect(agreement('a', 0.9, answerOf('a', 0.9), ['a', 'not a'])).toBeCloseTo(0.81 / 0.82, 12);
  });

  it('is the trust alone where the device has nothing to say', () => {
    expect(agreement('crack', 0.8, undefined, classes)).toBe(0.8);
    expect(agreement('dent', 0.8, answer(0.6, 0.3, 0.1), classes)).toBe(0.8);
    expect(agreement('crack', 0.8, { ...answer(0.1, 0.8, 0.1), novel: true }, classes)).toBe(0.8);
    // Who knows one class only is always sure of it.
    expect(agreement('good', 0.8, answer(1, 0, 0), ['good'])).toBe(0.8);
    expect(agreement('crack', 1, answer(1, 0, 0), classes)).toBe(1);
  });

  it('decides between learning and asking', () => {
    expect(isSure(agreement('good', 0.8, answer(0.95, 0.03, 0.02), classes))).toBe(true);
    expect(isSure(agreement('crack', 0.8, answer(0.6, 0.3, 0.1), classes))).toBe(false);
    expect(isSure(agreement('crack', 0.8, undefined, classes))).toBe(false);
  });
});

describe('trust', () => {
  let store: Store;
  beforeEach(() => {
    store = openStore(scratch.path('store'));
  });
  afterEach(() => store.close());

  it("begins with the owner's estimate and moves with what the owner sees", () => {
    const weak = new WeakLabels(store.database);
    expect(weak.trust('plc', 0.8)).toBe(0.8);
    weak.looked('plc', true);
    expect(weak.trust('plc', 0.8)).toBeCloseTo(9 / 11, 12);
    weak.looked('plc', false);
    weak.looked('plc', false);
    expect(weak.trust('plc', 0.8)).toBeCloseTo(9 / 13, 12);
    expect(weak.counts('plc')).toEqual({ right: 1, wrong: 2 });
    expect(weak.trust('another', 0.8)).toBe(0.8);
    for (let i = 0; i < 90; i++) weak.looked('plc', true);
    expect(weak.trust('plc', 0.8)).toBeGreaterThan(0.95);
  });

  it('takes back what was undone, and outlasts a restart', () => {
    const weak = new WeakLabels(store.database);
    weak.looked('plc', false);
    weak.looked('plc', true);
    weak.looked('plc', false, -1);
    weak.looked('plc', false, -1);
    expect(weak.counts('plc')).toEqual({ right: 1, wrong: 0 });
    store.close();
    store = openStore(scratch.path('store'));
    expect(new WeakLabels(store.database).counts('plc')).toEqual({ right: 1, wrong: 0 });
  });
});
