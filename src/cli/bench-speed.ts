import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { writeText } from '../../bench/record.js';
import { measureScaling, SCALING_PARTS, type ScalingPart } from '../../bench/scaling.js';
import { scalingPlot } from '../../bench/scaling-plot.js';
import { speedReport } from '../../bench/speed/report.js';
import { measureSpeed, SPEED_PARTS, type SpeedPart } from '../../bench/speed.js';
import { packageRoot } from '../backbone/manifest.js';
import { type CommonOptions, common, finish, names, running } from './bench-shared.js';
import { integer } from './options.js';
import { bytes, table } from './output.js';

/** `lichen bench speed` */
export function addSpeed(bench: Command): void {
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
      .option('--tfjs', 'TensorFlow.js as a peer, too; LICHEN_TFJS_NODE names its folder', false)
      .option('--per-class <n>', 'pictures a class in b', integer(1, 100_000), 60)
      .option('--epochs <n>', 'epochs in b', integer(1, 1000), 10),
    `
Without a Python only Lichen is measured. Every form of PyTorch's step (eager, compiled; each layout) is a process that
stays warm beside the others: that takes up to 1 GB each. A run with everything takes half an hour and wants a machine
with nothing else to do.

Examples:
  lichen bench speed --python ~/torch/bin/python
  lichen bench speed --only a,c --rounds 20 --json
  lichen bench speed --only a --variants eager --rounds 3
  LICHEN_TFJS_NODE=/opt/tfjs-node lichen bench speed --only a,c,d --tfjs`,
  ).action(
    async (
      options: CommonOptions & {
        python?: string;
        only: SpeedPart[];
        rounds: number;
        jobs: number;
        threads: number;
        variants?: string;
        tfjs: boolean;
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

/** `lichen bench scaling` */
export function addScaling(bench: Command): void {
  common(
    bench
      .command('scaling')
      .summary('how time and memory of a step grow with batch, crown and threads')
      .option('--only <names>', SCALING_PARTS.join(','), names(SCALING_PARTS), [...SCALING_PARTS])
      .option('--rounds <n>', 'turns of each point, five steps each', integer(1, 1000), 5)
      .option('--plot <file>', 'where the plot goes', join(packageRoot(), 'docs', 'images', 'scaling.svg')),
    `
Examples:
  lichen bench scaling
  lichen bench scaling --only batch --rounds 2 --plot /tmp/batch.svg`,
  ).action(async (options: CommonOptions & { only: ScalingPart[]; rounds: number; plot: string }) => {
    const result = await running('Scaling', (say) => measureScaling(options.only, options.rounds, say));
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
