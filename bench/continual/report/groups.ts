import { type Summary, summaryOf } from '../../statistics.js';
import type { ContinualResult } from '../run.js';

/** All runs of one method on one benchmark. */
export interface MethodRuns {
  method: string;
  runs: ContinualResult[];
  acc: Summary;
}

/** All runs on one benchmark, the best method first. */
export interface BenchmarkRuns {
  /** With its variant. */
  benchmark: string;
  scenario: string;
  methods: MethodRuns[];
}

/** A benchmark, and its variant where it is one. */
const titleOf = ({ benchmark, variant }: ContinualResult) =>
  variant ? `${benchmark}, ${variant}` : benchmark;

/** Groups runs by benchmark with its variant, and by method. */
export function groupRuns(runs: readonly ContinualResult[]): BenchmarkRuns[] {
  const names = [...new Set(runs.map(titleOf))].sort();
  return names.map((benchmark) => {
    const of = runs.filter((r) => titleOf(r) === benchmark);
    const methods = [...new Set(of.map((r) => r.method))].map((method): MethodRuns => {
      const own = of.filter((r) => r.method === method);
      return { method, runs: own, acc: summaryOf(own.map((r) => r.acc)) };
    });
    methods.sort((a, b) => b.acc.mean - a.acc.mean);
    return { benchmark, scenario: of[0]!.scenario, methods };
  });
}

/**
 * The mean over the runs of every entry of the accuracy matrix; null where a run has none.
 * @returns [tasks][tasks]
 */
export function meanMatrix({ runs }: MethodRuns): (number | null)[][] {
  return runs[0]!.matrix.map((row, i) =>
    row.map((_, j) => {
      const values = runs.map((r) => r.matrix[i]?.[j] ?? null);
      return values.some((v) => v === null)
        ? null
        : values.reduce<number>((sum, v) => sum + v!, 0) / values.length;
    }),
  );
}

/** After every task, the mean accuracy on the tasks so far; null where it was not measured. */
export function curveOf(matrix: readonly (readonly (number | null)[])[]): (number | null)[] {
  return matrix.map((row, i) => {
    const seen = row.slice(0, i + 1);
    return seen.some((v) => v === null) ? null : seen.reduce<number>((sum, v) => sum + v!, 0) / seen.length;
  });
}
