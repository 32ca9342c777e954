import type { Command } from 'commander';
import {
  ACCURACY_METHODS,
  type AccuracyMethod,
  type AccuracyRow,
  measureAccuracy,
} from '../../bench/accuracy.js';
import { DATASETS, type Dataset } from '../../bench/data.js';
import { measureEstimates } from '../../bench/estimates.js';
import { measureJob } from '../../bench/job.js';
import { measureOptimizer } from '../../bench/optimizer.js';
import { PROCESSOR_TIME, WALL_CLOCK } from '../inspect/step.js';
import { addAvalanche } from './bench-avalanche.js';
import { addCamera } from './bench-camera.js';
import { addContinual } from './bench-continual.js';
import { addCorrections } from './bench-corrections.js';
import { addDevice } from './bench-device.js';
import { addLabelling } from './bench-labelling.js';
import { addMemory } from './bench-memory.js';
import { addRecognition } from './bench-recognition.js';
import { addReport } from './bench-report.js';
import {
  type CommonOptions,
  common,
  finish,
  names,
  running,
  type TrainingOptions,
  training,
} from './bench-shared.js';
import { addScaling, addSpeed } from './bench-speed.js';
import { addWholeDevice } from './bench-whole-device.js';
import { integer } from './options.js';
import { bytes, percent, table } from './output.js';

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
  addMemory(bench);
  addCamera(bench);
  addWholeDevice(bench);
  addDevice(bench);
  addContinual(bench);
  addReport(bench);
  addAvalanche(bench);
  addRecognition(bench);
  addCorrections(bench);
  addLabelling(bench);
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
    training(bench.command('job'))
      .summary('time and memory of the whole of `lichen learn`')
      .option('--runs <n>', 'how often', integer(1, 100), 3),
    `
Examples:
  lichen bench job
  lichen bench job --method pnn --runs 5 --json`,
  ).action(async (options: CommonOptions & TrainingOptions & { runs: number }) => {
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
  });
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
