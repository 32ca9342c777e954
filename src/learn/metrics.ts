import { LichenError } from '../errors.js';

/** Row i: accuracy on every task's test samples after task i was learned; NaN where it was not measured. */
export type AccuracyMatrix = readonly (readonly number[])[];

/** What a sequence of T tasks comes to; shares of 1. */
export interface ContinualMetrics {
  /** Mean accuracy over all tasks after the last (ACC; Lopez-Paz & Ranzato 2017, equation 2). */
  acc: number;
  /** Mean change on earlier tasks since each was learned (BWT; equation 3). 0 for one task. */
  bwt: number;
  /**
   * Mean accuracy on tasks not learned yet, beyond that of the untrained network (FWT; equation 4). Null where the
   * matrix has no accuracy before learning, or no baseline is given.
   */
  fwt: number | null;
  /** Mean accuracy on each task right after it was learned (Riemer et al. 2019). */
  learningAccuracy: number;
  /** Mean drop of earlier tasks from their best (Chaudhry et al. 2018, section 3.2). 0 for one task. */
  forgetting: number;
  /**
   * How much less was learned than by a reference that sees all tasks at once (Chaudhry et al. 2018, section 3.2).
   * Null without a reference.
   */
  intransigence: number | null;
}

export interface References {
  /** Accuracy on every task before anything is learned. */
  untrained?: readonly number[];
  /** Accuracy on task i of a network trained on tasks 0..i together. */
  joint?: readonly number[];
}

/**
 * Sums up an accuracy matrix.
 * @param matrix [T][T], row i after task i
 * @throws LichenError `metrics-matrix` when it is empty, not square, or lacks an entry on or below the diagonal in its
 *   last row, diagonal or columns
 */
export function continualMetrics(matrix: AccuracyMatrix, references: References = {}): ContinualMetrics {
  checkMatrix(matrix);
  const tasks = matrix.length;
  const last = matrix.at(-1)!;
  const earlier = Array.from({ length: tasks - 1 }, (_, i) => i);
  const { untrained, joint } = references;
  const before = earlier.map((i) => matrix[i]![i + 1]!);
  return {
    acc: mean(last),
    bwt: mean(earlier.map((i) => last[i]! - matrix[i]![i]!)),
    fwt:
      untrained && tasks > 1 && before.every((a) => !Number.isNaN(a))
        ? mean(before.map((a, i) => a - untrained[i + 1]!))
        : null,
    learningAccuracy: mean(matrix.map((row, i) => row[i]!)),
    forgetting: mean(
      earlier.map((i) => {
        const reached = matrix.slice(i, -1).map((row) => row[i]!);
        return Math.max(...reached.filter((a) => !Number.isNaN(a))) - last[i]!;
      }),
    ),
    intransigence: joint ? mean(matrix.map((row, i) => joint[i]! - row[i]!)) : null,
  };
}

function checkMatrix(matrix: AccuracyMatrix): void {
  const fail = (what: string): never => {
    throw new LichenError('metrics-matrix', `the accuracy matrix ${what}; it needs a row after every task`);
  };
  if (matrix.length === 0) fail('is empty');
  matrix.forEach((row, i) => {
    if (row.length !== matrix.length)
      fail(`has ${matrix.length} rows, but row ${i} has ${row.length} columns`);
    if (Number.isNaN(row[i]!)) fail(`lacks the accuracy on task ${i} after it was learned`);
  });
  const gap = matrix.at(-1)!.findIndex((a) => Number.isNaN(a));
  if (gap >= 0) fail(`lacks the accuracy on task ${gap} after the last`);
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, v) => sum + v, 0) / values.length;
