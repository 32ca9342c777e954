import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import {
  type MethodComparison,
  SHARED_BENCHMARKS,
  SHARED_METHODS,
  type SharedBenchmark,
  type SharedMethod,
  type SideRun,
  sideBySide,
} from '../../bench/continual/side-by-side/side-by-side.js';
import { median, summaryOf } from '../../bench/statistics.js';
import { type CommonOptions, common, finish, names, one, running } from './bench-shared.js';
import { integer } from './options.js';
import { bytes, percent, table } from './output.js';

/** `lichen bench avalanche` */
export function addAvalanche(bench: Command): void {
  common(
    bench
      .command('avalanche')
      .summary('the same methods in Lichen and in Avalanche, in turns: processor time, memory, accuracy')
      .option(
        '--python <path>',
        'interpreter with torch, numpy, avalanche-lib',
        process.env.LICHEN_BENCH_PYTHON,
      )
      .option(
        '--benchmark <name>',
        SHARED_BENCHMARKS.join(' or '),
        one(SHARED_BENCHMARKS),
        SHARED_BENCHMARKS[0] as SharedBenchmark,
      )
      .option('--methods <names>', SHARED_METHODS.join(','), names(SHARED_METHODS), [...SHARED_METHODS])
      .option('--rounds <n>', 'runs of each side; each has a seed of its own', integer(1, 100), 3)
      .option('--peer-threads <n>', "of PyTorch's", integer(1, 256), availableParallelism()),
    `
Ten permutations of MNIST, 10,000 pictures each, or its digits two by two, 10,000 pictures in all and class by class; one
pass in batches of 32, an MLP 2 x 256 with one head, plain SGD. Every run is a process of its own. Without a Python only
Lichen is measured. It wants a machine with nothing else to do.

Examples:
  lichen bench avalanche --python ~/torch/bin/python
  lichen bench avalanche --methods naive,er --rounds 5 --json
  lichen bench avalanche --benchmark split-mnist-avalanche --methods er,gem,a-gem --rounds 5`,
  ).action(
    async (
      options: CommonOptions & {
        python?: string;
        benchmark: SharedBenchmark;
        methods: SharedMethod[];
        rounds: number;
        peerThreads: number;
      },
    ) => {
      const compared = await running('Avalanche', (say) => sideBySide(options, say));
      const { benchmark, peerThreads } = options;
      const name = benchmark === SHARED_BENCHMARKS[0] ? 'avalanche' : 'avalanche-split';
      finish(options, name, { benchmark, peerThreads, compared }, () => report(compared));
    },
  );
}

const times = (ratio: number | null) => (ratio === null ? '-' : `${ratio.toFixed(2)} x`);

function report(compared: readonly MethodComparison[]): string {
  const row = (name: string, runs: readonly SideRun[]) => {
    const of = (pick: (r: SideRun) => number) => median(runs.map(pick));
    const { mean, deviation } = summaryOf(runs.map((r) => r.acc));
    return [
      name,
      `${(100 * mean).toFixed(1)} ± ${percent(deviation)}`,
      of((r) => r.cpuSeconds).toFixed(1),
      of((r) => r.seconds).toFixed(1),
      bytes(of((r) => r.peakRssBytes)),
    ];
  };
  return table(
    ['method', 'side', 'accuracy', 'CPU s', 'seconds', 'peak', 'CPU less', 'memory less'],
    compared.flatMap(({ method, lichen, avalanche, cpuRatio, memoryRatio }) => [
      [method, ...row('Lichen', lichen), times(cpuRatio), times(memoryRatio)],
      ...(avalanche.length > 0 ? [['', ...row('Avalanche', avalanche), '', '']] : []),
    ]),
  );
}
