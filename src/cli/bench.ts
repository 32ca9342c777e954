import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import {
  ACCURACY_METHODS,
  type AccuracyMethod,
  type AccuracyRow,
  measureAccuracy,
} from '../../bench/accuracy.js';
import { DATASETS, type Dataset, defaultDataFolder } from '../../bench/data.js';
import { measureEstimates } from '../../bench/estimates.js';
import { measureJob } from '../../bench/job.js';
import { measureOptimizer } from '../../bench/optimizer.js';
import { circumstances, writeResult, writeText } from '../../bench/record.js';
import { measureScaling, SCALING_PARTS, type ScalingPart } from '../../bench/scaling.js';
import { scalingPlot } from '../../bench/scaling-plot.js';
import { speedReport } from '../../bench/speed/report.js';
import { measureSpeed, SPEED_PARTS, type SpeedPart } from '../../bench/speed.js';
import { packageRoot } from '../backbone/manifest.js';
import { PROCESSOR_TIME, WALL_CLOCK } from '../inspect/step.js';
import { integer } from './options.js';
import { bytes, percent, print, table } from './output.js';
import { runSteps, type Say } from './progress.js';

interface CommonOptions {
  data: string;
  out?: string;
  json: boolean;
}

/** `lichen bench NAME`: what is in bench/, each a command of its own. */
export function addBench(program: Command): void {
  const bench = program
    .command('bench')
    .summary('measure accuracy, time and memory on this machine')
    .description('Measures what docs/benchmarks.md tells, and writes the figures as JSON to bench/results.');
  addAccuracy(bench);
  addJob(bench);
  addOptimizer(bench);
  addEstimates(bench);
  addSpeed(bench);
  addScaling(bench);
}

function addAccuracy(bench: Command): void {
  common(
    bench
      .command('accuracy')
      .summary('accuracy on photographs that were neither trained nor tuned on')
      .option('--datasets <names>', `${DATASETS.join(',')}`, names(DATASETS), [...DATASETS])
      .option('--methods <names>', `${ACCURACY_METHODS.join(',')}`, names(ACCURACY_METHODS), [
        ...ACCURACY_METHODS,
      ])
      .option('--seeds <n>', 'independent splits and trainings', integer(1, 100), 3)
      .option('--epochs <n>', 'times that every sample is shown', integer(1, 1000), 10)
      .option('--float-latents', 'keep latents as they are, to measure what bytes cost', false),
    `
Examples:
  lichen bench accuracy
  lichen bench accuracy --datasets hand-signs --methods instant,piggyback --seeds 5 --json
  lichen bench accuracy --float-latents`,
  ).action(
    async (
      options: CommonOptions & {
        datasets: Dataset[];
        methods: AccuracyMethod[];
        seeds: number;
        epochs: number;
        floatLatents: boolean;
      },
    ) => {
      const latents = options.floatLatents ? 'float32' : 'int8';
      const rows = await running('Accuracy', (say) =>
        measureAccuracy({ ...options, folder: options.data, latents }, say),
      );
      finish(options, latents === 'int8' ? 'accuracy' : 'accuracy-float-latents', { rows }, () =>
        accuracyTable(rows),
      );
    },
  );
}

function addJob(bench: Command): void {
  common(
    bench
      .command('job')
      .summary('time and memory of the whole of `lichen learn`')
      .option('--dataset <name>', DATASETS.join(' or '), one(DATASETS), 'hand-signs' as Dataset)
      .option('--per-class <n>', 'pictures a class', integer(1, 100_000), 60)
      .option('--epochs <n>', 'times that every sample is shown', integer(1, 1000), 10)
      .option('--method <name>', 'piggyback or pnn', one(['piggyback', 'pnn']), 'piggyback')
      .option('--runs <n>', 'how often', integer(1, 100), 3),
    `
Examples:
  lichen bench job
  lichen bench job --method pnn --runs 5 --json`,
  ).action(
    async (
      options: CommonOptions & {
        dataset: Dataset;
        perClass: number;
        epochs: number;
        method: string;
        runs: number;
      },
    ) => {
      const result = await running('Whole jobs', (say) =>
        measureJob({ ...options, folder: options.data }, say),
      );
      finish(options, `job-${options.method}`, result, () =>
        table(
          ['pictures', 'epochs', 'seconds (median)', 'all runs', 'ms a step', 'peak memory'],
          [
            [
              result.pictures,
              result.epochs,
              result.medianSeconds.toFixed(1),
              result.seconds.join(' '),
              result.stepMilliseconds.join(' '),
              bytes(Math.max(...result.peakRssBytes)),
            ],
          ],
        ),
      );
    },
  );
}

function addOptimizer(bench: Command): void {
  common(
    bench
      .command('optimizer')
      .summary('a training step with Adam inside the graph against outside')
      .option('--batch <n>', 'samples a step', integer(1, 1024), 32)
      .option('--steps <n>', 'steps of each side', integer(3, 10_000), 40),
    `
Examples:
  lichen bench optimizer
  lichen bench optimizer --batch 16 --steps 100`,
  ).action(async (options: CommonOptions & { batch: number; steps: number }) => {
    const result = await running('Steps', () => measureOptimizer(options.batch, options.steps));
    finish(options, 'optimizer', result, () =>
      table(
        ['batch', 'in graph, ms', 'outside, ms', 'ratio'],
        [[result.batch, result.inGraph.toFixed(1), result.outside.toFixed(1), result.ratio.toFixed(2)]],
      ),
    );
  });
}

function addEstimates(bench: Command): void {
  common(
    bench
      .command('estimates')
      .summary('what `lichen inspect` estimates of training steps against the steps')
      .option('--cuts <n>', 'cuts of the default backbone, spread evenly', integer(2, 100), 10)
      .option('--batch <n>', 'samples a step', integer(1, 1024), 16)
      .option('--rounds <n>', 'calibrations, each followed by all cuts', integer(1, 100), 3)
      .option('--processor-time', 'of one thread: for a machine that does other things meanwhile', false),
    `
Examples:
  lichen bench estimates
  lichen bench estimates --cuts 6 --batch 32 --rounds 5 --processor-time`,
  ).action(
    async (
      options: CommonOptions & { cuts: number; batch: number; rounds: number; processorTime: boolean },
    ) => {
      const { cuts, batch, rounds, processorTime } = options;
      const timing = processorTime ? PROCESSOR_TIME : WALL_CLOCK;
      const rows = await running('Steps', (say) => measureEstimates(cuts, batch, rounds, timing, say));
      finish(options, processorTime ? 'estimates-processor-time' : 'estimates', { rows }, () =>
        table(
          ['cut', 'batch', 'estimated, ms', 'measured, ms', 'ratio (median)'],
          rows.map((r) => [
            r.tensor,
            r.batch,
            r.estimated.join(' '),
            r.measured.join(' '),
            r.ratio.toFixed(2),
          ]),
        ),
      );
    },
  );
}

function addSpeed(bench: Command): void {
  common(
    bench
      .command('speed')
      .summary('the same work in Lichen and in PyTorch, in turns')
      .option(
        '--python <path>',
        'interpreter with torch, numpy, onnx, pillow',
        process.env.LICHEN_BENCH_PYTHON,
      )
      .option('--only <letters>', 'a step, b job, c conv net, d MobileNetV2', names(SPEED_PARTS), [
        ...SPEED_PARTS,
      ])
      .option('--rounds <n>', 'turns of each side, five steps each', integer(1, 1000), 10)
      .option('--jobs <n>', 'whole jobs of each side', integer(1, 100), 3)
      .option('--threads <n>', 'of each side', integer(1, 256), availableParallelism())
      .option('--variants <text>', "only forms of PyTorch's step with this in their name, e.g. eager")
      .option('--per-class <n>', 'pictures a class in b', integer(1, 100_000), 60)
      .option('--epochs <n>', 'epochs in b', integer(1, 1000), 10),
    `
Without a Python only Lichen is measured. Every form of PyTorch's step (eager, compiled; each layout) is a process that
stays warm beside the others: that takes up to 1 GB each. A run with everything takes half an hour and wants a machine
with nothing else to do.

Examples:
  lichen bench speed --python ~/torch/bin/python
  lichen bench speed --only a,c --rounds 20 --json
  lichen bench speed --only a --variants eager --rounds 3`,
  ).action(
    async (
      options: CommonOptions & {
        python?: string;
        only: SpeedPart[];
        rounds: number;
        jobs: number;
        threads: number;
        variants?: string;
        perClass: number;
        epochs: number;
      },
    ) => {
      const result = await running('Speed', (say) =>
        measureSpeed({ ...options, parts: options.only, folder: options.data }, say),
      );
      finish(options, 'speed', result, () => speedReport(result));
    },
  );
}

function addScaling(bench: Command): void {
  common(
    bench
      .command('scaling')
      .summary('how time and memory of a step grow with batch, crown and threads')
      .option('--only <names>', SCALING_PARTS.join(','), names(SCALING_PARTS), [...SCALING_PARTS])
      .option('--steps <n>', 'steps of each point', integer(1, 1000), 20)
      .option('--plot <file>', 'where the plot goes', join(packageRoot(), 'docs', 'images', 'scaling.svg')),
    `
Examples:
  lichen bench scaling
  lichen bench scaling --only batch --steps 5 --plot /tmp/batch.svg`,
  ).action(async (options: CommonOptions & { only: ScalingPart[]; steps: number; plot: string }) => {
    const result = await running('Scaling', (say) => measureScaling(options.only, options.steps, say));
    writeText(options.plot, scalingPlot(result));
    finish(options, 'scaling', result, () =>
      table(
        ['varied', 'value', 'batch', 'trained numbers', 'median ms', 'lowest', 'peak', 'warm peak'],
        Object.entries(result).flatMap(([part, points]) =>
          points.map((p) => [
            part,
            p.label,
            p.batch,
            p.parameters,
            p.medianMs.toFixed(1),
            p.lowestMs.toFixed(1),
            bytes(p.peakRssBytes),
            bytes(p.workingPeakRssBytes),
          ]),
        ),
      ),
    );
  });
}

/** Options that every bench has. */
function common(command: Command, examples: string): Command {
  return command
    .option('--data <folder>', 'folder with the sets of photographs', defaultDataFolder())
    .option('--out <file>', 'where the figures go (default: bench/results/NAME.json)')
    .option('--json', 'print one line of JSON', false)
    .addHelpText('after', examples);
}

function finish(options: CommonOptions, name: string, result: object, text: () => string): void {
  // Where this machine keeps its files is nobody else's.
  const own = new Set(['--data', '--out', '--python', '--plot']);
  const args = process.argv.slice(2).filter((a, i, all) => !own.has(a) && !own.has(all[i - 1] ?? ''));
  const command = `lichen ${args.join(' ')}`;
  const whole = { bench: name, ...circumstances(command), ...result };
  const file = options.out ?? join(packageRoot(), 'bench', 'results', `${name}.json`);
  writeResult(file, whole);
  print(whole, options.json, () => `${text()}\n\nwritten to ${file}`);
}

function accuracyTable(rows: readonly AccuracyRow[]): string {
  const spread = (s: AccuracyRow['all']) => `${percent(s.mean)} ± ${(100 * s.deviation).toFixed(1)}`;
  return table(
    ['dataset', 'method', 'all others', 'at most 60 a class', 'adapter', 'of the backbone', 's'],
    rows.map((r) => [
      r.dataset,
      r.method,
      spread(r.all),
      spread(r.atMost60),
      bytes(r.adapterBytes),
      `1/${(r.backboneBytes / r.adapterBytes).toFixed(0)}`,
      r.secondsPerTraining.toFixed(1),
    ]),
  );
}

/** Runs one bench with its progress on standard error. */
async function running<T>(title: string, work: (say: Say) => Promise<T>): Promise<T> {
  const context: { result?: T } = {};
  const run = async (c: typeof context, say: Say) => {
    c.result = await work(say);
  };
  await runSteps([{ title, run }], context, false);
  return context.result!;
}

function one<T extends string>(known: readonly T[]): (text: string) => T {
  return (text) => {
    const found = known.find((k) => k === text);
    if (!found) throw new InvalidArgumentError(`expected one of ${known.join(', ')}.`);
    return found;
  };
}

function names<T extends string>(known: readonly T[]): (text: string) => T[] {
  const parse = one(known);
  return (text) => text.split(',').map((t) => parse(t.trim()));
}
