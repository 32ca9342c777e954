import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { atMost, readDataset, splitOf } from '../../bench/data.js';

describe('splits of the benches', () => {
  const labels = [...Array(100).fill(0), ...Array(30).fill(1), ...Array(9).fill(2)] as number[];

  test('no sample is on both sides, and none is left out', () => {
    const { train, test: tested } = splitOf(labels, 60, 1);
    expect([...train, ...tested].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
  });

  test('at most so many of a class, and at most two thirds of it, are trained on', () => {
    const { train } = splitOf(labels, 60, 1);
    expect([0, 1, 2].map((c) => train.filter((i) => labels[i] === c).length)).toEqual([60, 20, 6]);
  });

  test('the seed decides', () => {
    expect(splitOf(labels, 60, 1)).toEqual(splitOf(labels, 60, 1));
    expect(splitOf(labels, 60, 1)).not.toEqual(splitOf(labels, 60, 2));
  });

  test('a large class does not dominate the second test', () => {
    const { test: tested } = splitOf(labels, 20, 1);
    const few = atMost(tested, labels, 5);
    expect([0, 1, 2].map((c) => few.filter((i) => labels[i] === c).length)).toEqual([5, 5, 3]);
    expect(few.every((i) => tested.includes(i))).toBe(true);
  });
});

describe('where there are no photographs', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('the error says what was looked for, how to say where it is, and where it comes from', () => {
    expect(() => readDataset(folder, 'hand-signs')).toThrow(/hand-signs.*--data.*github.com.*download/s);
  });
});
