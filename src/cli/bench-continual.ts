import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { BENCHMARKS } from '../../bench/continual/benchmarks.js';
import { addRows, readRows } from '../../bench/continual/results.js';
import { type ContinualResult, runContinual } from '../../bench/continual/run.js';
import { defaultDataFolder } from '../../bench/data.js';
import { circumstances } from '../../bench/record.js';
import { summaryOf } from '../../bench/statistics.js';
import { packageRoot } from '../backbone/manifest.js';
import { openEngine } from '../engine/choose.js';
import type { EngineChoice } from '../engine/engine.js';
import { METHOD_NAMES, METHODS, type MethodName } from '../learn/sequence/methods.js';
import { names, one, running } from './bench-shared.js';
import { engineOption, integer } from './options.js';
import { bytes, percent, print, table } from './output.js';
import { bar } from './progress.js';

interface ContinualOptions {
  benchmark: string;
  methods: MethodName[];
  seeds: number;
  firstSeed: number;
  data: string;
  threads?: number;
  out?: string;
  resume: boolean;
  json: boolean;
  engine: EngineChoice;
}

/** `lichen bench continual`: methods on sequences of tasks. */
export function addContinual(bench: Command): void {
  const benchmarks = Object.entries(BENCHMARKS).map(
    ([name, { summary }]) => `  ${name.padEnd(26)}${summary}`,
  );
  const methods = Object.entries(METHODS).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  bench
    .command('continual')
    .summary('continual-learning methods on sequences of tasks')
    .description(
      'Learns a sequence of tasks with each method, tests it on all tasks after each, and tells accuracy, forgetting, ' +
        'bytes and seconds. Figures are kept in bench/results/continual, one file a benchmark.',
    )
    .requiredOption('--benchmark <name>', 'which sequence (see below)', one(Object.keys(BENCHMARKS)))
    .option('--methods <names>', 'methods with commas between, or all', methodNames, METHOD_NAMES)
    .option('--seeds <n>', 'independent runs of each method', integer(1, 100), 3)
    .option('--first-seed <n>', 'seed of the first run; the others follow it', integer(0, 2 ** 31), 0)
    .option('--data <folder>', 'folder with the sets of photographs', defaultDataFolder())
    .option('--threads <n>', 'threads of the engine; its own choice without it', integer(1, 256))
    .option('--out <file>', 'where the figures go (default: bench/results/continual/BENCHMARK.json)')
    .option('--resume', 'leave out the runs that the file has already', false)
    .option('--json', 'print the runs as a JSON array', false)
    .addOption(engineOption())
    .addHelpText(
      'after',
      `
Benchmarks:
${benchmarks.join('\n')}

Methods:
${methods.join('\n')}

Examples:
  lichen bench continual --benchmark split-mnist-small --methods er,piggyback --seeds 3
  lichen bench continual --benchmark split-mnist-small --methods all --json
  lichen bench continual --benchmark permuted-mnist-20 --resume`,
    )
    .action(continual);
}

async function continual(options: ContinualOptions): Promise<void> {
  const { benchmark: name, methods, seeds, firstSeed, data, threads, resume, json } = options;
  const file = options.out ?? join(packageRoot(), 'bench', 'results', 'continual', `${name}.json`);
  const known = resume ? readRows(file) : [];
  const engine = openEngine(options.engine);
  const found: ContinualResult[] = [];
  for (const method of methods) {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const before = known.find((r) => r.method === method && r.seed === seed);
      const result =
        before ??
        (await running(`${method}, seed ${seed}`, (say) =>
          runContinual(
            { engine, data, say },
            method,
            name,
            BENCHMARKS[name]!,
            seed,
            ({ task, tasks, step, steps, loss }) =>
              say(`task ${task + 1} of ${tasks}  ${bar(step, steps)}  loss ${loss.toFixed(3)}`),
            threads,
          ),
        ));
      found.push(result);
      // At once, so that a long bench that is stopped can be resumed.
      if (!before) addRows(file, [result], circumstances(`lichen bench continual --benchmark ${name}`));
    }
  }
  print(found, json, () => `${tableOf(found)}\n\nwritten to ${file}`);
}

/** A line for each method: means over the seeds, and the spread of the accuracy. */
function tableOf(results: readonly ContinualResult[]): string {
  const methods = [...new Set(results.map((r) => r.method))];
  const points = (value: number) => (100 * value).toFixed(2);
  return table(
    [
      'method',
      'accuracy',
      '+-',
      'backward',
      'forward',
      'learned',
      'forgot',
      'parameters',
      'state',
      'memory',
      'seconds',
    ],
    methods.map((method) => {
      const rows = results.filter((r) => r.method === method);
      const mean = (of: (r: ContinualResult) => number) => summaryOf(rows.map(of)).mean;
      const { deviation } = summaryOf(rows.map((r) => r.acc));
      return [
        ...[method, percent(mean((r) => r.acc)), points(deviation), points(mean((r) => r.bwt))],
        rows.some((r) => r.fwt === null) ? '-' : points(mean((r) => r.fwt!)),
        ...[percent(mean((r) => r.learningAccuracy)), points(mean((r) => r.forgetting))],
        ...(['parameters', 'state', 'memory'] as const).map((kind) => bytes(mean((r) => r.bytes[kind]))),
        mean((r) => r.seconds).toFixed(1),
      ];
    }),
  );
}

function methodNames(text: string): MethodName[] {
  if (text.trim() === 'all') return METHOD_NAMES;
  const parse = names(METHOD_NAMES);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(
      `expected 'all', or names of ${METHOD_NAMES.join(', ')}, with commas between.`,
    );
  }
}
