import { type Command, InvalidArgumentError } from 'commander';
import { measureMemory, mebibytes } from '../../bench/memory.js';
import {
  type CommonOptions,
  common,
  finish,
  running,
  type TrainingOptions,
  training,
} from './bench-shared.js';
import { integer } from './options.js';
import { percent, table } from './output.js';

/** Caps in MiB with commas between; 0 is no cap. */
function caps(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.every((v) => Number.isInteger(v) && v >= 0)) return values;
  throw new InvalidArgumentError('expected whole numbers of MiB with commas between, such as 150,200,0.');
}

/** `lichen bench memory` */
export function addMemory(bench: Command): void {
  common(
    training(bench.command('memory'))
      .summary('training under caps of memory: what is chosen, the peak, time, accuracy')
      .option('--batch <n>', 'samples a step', integer(1, 1024), 32)
      .option('--caps <list>', 'MiB; 0 is no cap', caps, [150, 200, 250, 300, 500, 0]),
    `
Examples:
  lichen bench memory
  lichen bench memory --method pnn --caps 180,220 --json`,
  ).action(async (options: CommonOptions & TrainingOptions & { batch: number; caps: number[] }) => {
    const rows = await running('Training', (say) => measureMemory({ ...options, folder: options.data }, say));
    const { dataset, epochs, batch, method } = options;
    finish(options, 'memory', { dataset, epochs, batch, method, rows }, () =>
      [
        table(
          ['cap', 'pieces', 'of', 'estimated', 'peak', 'reader', 'ms a step', 'seconds', 'held out'],
          rows.map((r) => [
            r.cap || 'none',
            r.pieces ?? '-',
            r.micro ?? '-',
            mebibytes(r.estimatedPeakBytes),
            mebibytes(r.peakRssBytes),
            mebibytes(r.readerPeakRssBytes),
            r.stepMilliseconds ?? '-',
            r.seconds ?? '-',
            percent(r.heldOutAccuracy),
          ]),
        ),
        ...rows.flatMap((r) => (r.refused === null ? [] : [`${r.cap} MiB: ${r.refused}`])),
      ].join('\n'),
    );
  });
}
