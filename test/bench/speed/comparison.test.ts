import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparison, lossDifference, type SideResult, sideResult } from '../../../bench/speed/comparison.js';
import { jobComparison, jobSide } from '../../../bench/speed/jobs.js';
import { speedReport } from '../../../bench/speed/report.js';

const READY = {
  ready: true as const,
  variant: 'v',
  losses: [2, 1],
  versions: { torch: '2.9' },
  importedRssBytes: 5,
  secondsToReady: 1,
};
const turn = (ms: number[], peak: number, warm: number) => ({
  ms,
  peakRssBytes: peak,
  workingPeakRssBytes: warm,
});
const side = (variant: string, ms: number[], peak = 100): SideResult => ({
  ...sideResult(
    READY,
    ms.map((m) => turn([m], peak, peak)),
  ),
  variant,
});

describe('one side', () => {
  test('is the median of the turns, with the largest of the peaks', () => {
    const r = sideResult(READY, [turn([5, 1, 3], 70, 40), turn([2, 8], 60, 50), turn([20, 0], 9, 9)]);
    expect(r).toMatchObject({ medianMs: 5, lowestMs: 3, highestMs: 10, rounds: [3, 5, 10] });
    expect([r.peakRssBytes, r.workingPeakRssBytes]).toEqual([70, 50]);
  });
});

describe('two sides', () => {
  test("the peer's fastest form counts", () => {
    const c = comparison(
      'step',
      32,
      side('lichen', [8, 9, 10], 50),
      [side('slow', [20, 20, 20]), side('fast', [6, 6, 6])],
      [],
    );
    expect(c).toMatchObject({ ratio: 1.5, memoryRatio: 0.5, lossDifference: 0 });
    expect(c.peers.map((p) => p.variant)).toEqual(['fast', 'slow']);
  });

  test('a slow spell of the machine that befalls both sides alike does not change the paired ratio', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 50, noNaN: true }), { minLength: 1, maxLength: 9 }),
        (spells) => {
          const lichen = side(
            'lichen',
            spells.map((s) => 4 * s),
          );
          const peer = side(
            'peer',
            spells.map((s) => 5 * s),
          );
          expect(comparison('step', 1, lichen, [peer], []).pairedRatio).toBeCloseTo(0.8, 2);
        },
      ),
    );
  });

  test('without a peer there is no ratio', () => {
    const c = comparison('step', 16, side('lichen', [1]), [], []);
    expect([c.ratio, c.pairedRatio, c.memoryRatio, c.lossDifference]).toEqual([null, null, null, null]);
  });

  test('a batch in pieces is shown beside and decides no ratio', () => {
    const c = comparison(
      'step',
      32,
      side('lichen', [8], 50),
      [side('fast', [4])],
      [],
      side('in pieces', [10], 20),
    );
    expect(c).toMatchObject({
      ratio: 2,
      memoryRatio: 0.5,
      inPieces: { variant: 'in pieces', peakRssBytes: 20 },
    });
    const report = speedReport({ threads: 2, withPeer: true, a: [c] });
    expect(report).toMatch(/in pieces.*0\.80 x the time/);
  });

  test('losses are compared relatively, the largest difference tells', () => {
    expect(lossDifference([2, 1.01, 0.5], [2, 1, 0.5])).toBe(0.01);
  });
});

test('jobs: the fastest form counts, and the plain one besides', () => {
  const runs = (...seconds: number[]) =>
    seconds.map((s) => ({ seconds: s, peakRssBytes: 100 * s, heldOutAccuracy: 0.9 }));
  const job = jobComparison(
    600,
    10,
    jobSide('lichen', runs(4, 5, 9)),
    [jobSide('three epochs', runs(10))],
    [jobSide('no latents kept', runs(100)), jobSide('kept latents, channels_last', runs(20, 30, 10))],
  );
  expect(job).toMatchObject({
    timesFaster: 4,
    timesFasterShorter: [2],
    timesFasterThanPlain: 20,
    memoryRatio: 0.3,
  });
});

test('the report has every side, the ratio, and what could not run', () => {
  const a = comparison(
    'step',
    32,
    side('lichen', [9]),
    [side('eager, NCHW', [10])],
    [{ variant: 'compile, NCHW', reason: 'there is no compiler' }],
  );
  const text = speedReport({ threads: 2, withPeer: true, a: [a] });
  expect(text).toContain('PyTorch, eager, NCHW');
  expect(text).toContain("0.90 times the fastest other's time (PyTorch, eager, NCHW");
  expect(text).toContain('compile, NCHW could not run: there is no compiler');
  expect(speedReport({ threads: 2, withPeer: false, a: [] })).toContain('LICHEN_BENCH_PYTHON');
});
