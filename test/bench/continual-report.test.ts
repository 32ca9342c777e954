import { describe, expect, it } from 'vitest';
import { curveOf, groupRuns, meanMatrix } from '../../bench/continual/report/groups.js';
import { reportHtml } from '../../bench/continual/report/page.js';
import type { ContinualResult } from '../../bench/continual/run.js';

const run = (
  method: string,
  seed: number,
  matrix: (number | null)[][],
  more: object = {},
): ContinualResult => ({
  ...{ method, benchmark: 'two tasks', scenario: 'domain', seed, matrix },
  ...{ acc: 0.5 + 0.1 * seed, bwt: -0.2, fwt: null, learningAccuracy: 0.9, forgetting: 0.2 },
  ...{ bytes: { parameters: 2048, state: 0, memory: 1024 }, seconds: 2, cpuSeconds: 2 },
  ...more,
});

const RUNS = [
  run('er', 0, [
    [0.9, null],
    [0.5, 0.8],
  ]),
  run('er', 1, [
    [0.7, null],
    [0.7, 1],
  ]),
  run('<b>naive', 0, [
    [0.9, null],
    [0.1, 0.9],
  ]),
  run(
    'er',
    0,
    [
      [0.9, null],
      [0.8, 0.8],
    ],
    { variant: 'memory-200' },
  ),
];

describe('the report of a continual bench', () => {
  it('groups runs by benchmark, variant and method, the best first', () => {
    const groups = groupRuns(RUNS);
    expect(groups.map((g) => g.benchmark)).toEqual(['two tasks', 'two tasks, memory-200']);
    expect(groups[0]!.methods.map((m) => [m.method, m.runs.length])).toEqual([
      ['er', 2],
      ['<b>naive', 1],
    ]);
    const matrix = meanMatrix(groups[0]!.methods[0]!);
    expect(matrix[0]![1]).toBeNull();
    expect(matrix[1]!.map((v) => v!.toFixed(3))).toEqual(['0.600', '0.900']);
    expect(curveOf(matrix).map((v) => v!.toFixed(3))).toEqual(['0.800', '0.750']);
  });

  it('is one file that needs nothing else, with a table, curves and a heat map of each method', () => {
    const html = reportHtml(RUNS, new Map([['two tasks', 'a stream of <two>']]));
    expect(html).not.toMatch(/(src|href)="(?!#)/);
    expect(html).not.toContain('<b>naive');
    expect(html).toContain('a stream of &#60;two&#62;');
    expect(html.match(/<figure class="heat">/g)).toHaveLength(3);
    expect(html.match(/<svg class="curves"/g)).toHaveLength(2);
    // Mean and spread over two seeds.
    expect(html).toContain('<b>55.0</b> ± 7.1');
  });
});
