import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { BENCHMARKS } from '../../bench/continual/benchmarks.js';
import { addRows, readRows } from '../../bench/continual/results.js';
import { type ContinualResult, runContinual } from '../../bench/continual/run.js';
import { defaultDataFolder } from '../../bench/data.js';
import { circumstances, requireWritable } from '../../bench/record.js';
import { summaryOf } from '../../bench/statistics.js';
import { packageRoot } from '../backbone/manifest.js';
import { openEngine } from '../engine/choose.js';
import type { EngineChoice } from '../engine/engine.js';
import { LichenError, messageOf } from '../errors.js';
import { COMBINATIONS } from '../learn/sequence/combinations.js';
import { checkMethod, METHOD_NAMES, METHODS } from '../learn/sequence/methods.js';
import { one, running } from './bench-shared.js';
import { engineOption, integer } from './options.js';
import { bytes, percent, print, table } from './output.js';
import { bar } from './progress.js';

interface ContinualOptions {
  benchmark: string;
  methods?: string[];
  variant?: string;
  seeds: number;
  firstSeed: number;
  data: string;
  out?: string;
  resume: boolean;
  threads: number;
  json: boolean;
  engine: EngineChoice;
}

/** `lichen bench continual`: methods on sequences of tasks. */
export function addContinual(bench: Command): void {
  const benchmarks = Object.entries(BENCHMARKS).map(
    ([name, { summary, variants = {} }]) =>
      `  ${[name.padEnd(26), summary, ...Object.keys(variants).map((v) => ` [${v}]`)].join('')}`,
  );
  const methods = Object.entries(METHODS).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  bench
    .command('continual')
    .summary('continual-learning methods on sequences of tasks')
    .description(
      'Learns a sequence of tasks with each method, tests it on all tasks after each, and tells accuracy, forgetting, ' +
        'bytes and seconds. Figures are kept in bench/results/continual, one file a benchmark.',
    )
    .requiredOption(
      '--benchmark <name>',
      'which sequence (see below), or all',
      one(['all', ...Object.keys(BENCHMARKS)]),
    )
    .option(
      '--methods <names>',
      'methods with commas between, such as er,ewc+er; or all (default), or combinations',
      methodNames,
    )
    .option('--variant <name>', 'the benchmark with other settings (see below, in brackets)')
    .option('--seeds <n>', 'independent runs of each method', integer(1, 100), 3)
    .option('--first-seed <n>', 'seed of the first run; the others follow it', integer(0, 2 ** 31), 0)
    .option('--data <folder>', 'folder with the sets of photographs', defaultDataFolder())
    .option('--out <file>', 'where the figures go (default: bench/results/continual/BENCHMARK.json)')
    .option('--resume', 'leave out the runs that the file has already', false)
    .option('--threads <n>', 'threads of a run; these networks are small', integer(1, 64), 1)
    .option('--json', 'print the runs as a JSON array', false)
    .addOption(engineOption())
    .addHelpText(
      'after',
      `
Benchmarks:
${benchmarks.join('\n')}

Methods:
${methods.join('\n')}

Methods of different axes that go together:
${wrapped(COMBINATIONS)}

Examples:
  lichen bench continual --benchmark split-mnist-small --methods er,piggyback --seeds 3
  lichen bench continual --benchmark split-mnist-small --methods all --json
  lichen bench continual --benchmark permuted-mnist-20 --resume`,
    )
    .action(continual);
}

async function continual(options: ContinualOptions): Promise<void> {
  const { benchmark, variant, out, json } = options;
  const names = benchmark === 'all' ? Object.keys(BENCHMARKS) : [benchmark];
  const found: ContinualResult[] = [];
  const files: string[] = [];
  for (const name of names) {
    const variants = Object.keys(BENCHMARKS[name]!.variants ?? {});
    if (variant && !variants.includes(variant)) {
      throw new LichenError(
        'bench-variant-unknown',
        `the benchmark '${name}' has no variant '${variant}'; it has ${variants.join(', ') || 'none'}`,
      );
    }
    const file = out ?? join(packageRoot(), 'bench', 'results', 'continual', `${name}.json`);
    files.push(file);
    const runs = await runAll(name, file, options);
    found.push(...runs);
    if (!json && names.length > 1) process.stderr.write(`${name}\n${tableOf(runs)}\n`);
  }
  print(found, json, () => `${tableOf(found)}\n\nwritten to ${[...new Set(files)].join(', ')}`);
}

/** Runs the methods on one benchmark, those that are in its file already left out where that was asked for. */
async function runAll(name: string, file: string, options: ContinualOptions): Promise<ContinualResult[]> {
  const { variant, seeds, firstSeed, data, resume, threads } = options;
  const benchmark = BENCHMARKS[name]!;
  // A file that is not a bench's own is found out now, not after the first run.
  const before = readRows(file);
  requireWritable(file);
  const engine = openEngine(options.engine);
  const found: ContinualResult[] = [];
  // Of all benchmarks each has its own methods: those that it says something of.
  const spoken = options.benchmark === 'all' ? Object.keys(benchmark.methods ?? {}) : [];
  const methods = options.methods ?? (spoken.length > 0 ? spoken : METHOD_NAMES);
  for (const method of methods) {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const known = resume
        ? before.find((r) => r.method === method && r.seed === seed && r.variant === variant)
        : undefined;
      const result =
        known ??
        (await running(`${method}, seed ${seed}`, (say) =>
          runContinual(
            { engine, data, say },
            method,
            name,
            benchmark,
            seed,
            ({ task, tasks, step, steps, loss }) =>
              say(`task ${task + 1} of ${tasks}  ${bar(step, steps)}  loss ${loss.toFixed(3)}`),
            threads,
            variant,
          ),
        ));
      found.push(result);
      // At once, so that a long bench that is stopped can be resumed.
      if (!known) addRows(file, [result], circumstances(`lichen bench continual --benchmark ${name}`));
    }
  }
  return found;
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

/** Names with commas between, in lines of at most 90 characters. */
function wrapped(names: readonly string[]): string {
  const lines = [''];
  for (const name of names) {
    if (lines.at(-1)!.length + name.length > 88) lines.push('');
    lines[lines.length - 1] += `${lines.at(-1) ? ', ' : '  '}${name}`;
  }
  return lines.join('\n');
}

function methodNames(text: string): string[] {
  const of: Record<string, readonly string[]> = { all: METHOD_NAMES, combinations: COMBINATIONS };
  return text
    .split(',')
    .map((name) => name.trim())
    .flatMap((name) => {
      if (Object.hasOwn(of, name)) return of[name]!;
      try {
        checkMethod(name);
      } catch (error) {
        throw new InvalidArgumentError(messageOf(error));
      }
      return [name];
    });
}
