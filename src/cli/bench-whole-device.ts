import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { measureDevice } from '../../bench/whole-device.js';
import { type CommonOptions, common, finish, running } from './bench-shared.js';
import { integer } from './options.js';
import { table } from './output.js';

/** `lichen bench whole-device` */
export function addWholeDevice(bench: Command): void {
  common(
    bench
      .command('whole-device')
      .summary('an agent with camera, page and training: processor time, taps, memory')
      .option('--seconds <n>', 'how long the share of the processor is measured', integer(5, 3600), 60)
      .option('--taps <n>', 'labels that are given on the page', integer(1, 1000), 20)
      .option(
        '--cap <MiB>',
        'a cap of memory that the training fits under, beside none',
        integer(100, 100_000),
      ),
    `
Examples:
  lichen bench whole-device
  lichen bench whole-device --seconds 20 --cap 450

Needs ffmpeg, and Linux's /proc.`,
  ).action(async (options: CommonOptions & { seconds: number; taps: number; cap?: number }) => {
    const program = fileURLToPath(new URL('main.js', import.meta.url));
    const { seconds, taps, cap } = options;
    const rows = await running('Living', (say) =>
      measureDevice({ seconds, taps, program, caps: cap === undefined ? [null] : [null, cap] }, say),
    );
    finish(options, 'whole-device', { seconds, rows }, () =>
      table(
        [
          'cap, MiB',
          '% of a core',
          'with its page',
          'tap, ms',
          'most',
          'with a mask',
          'most',
          'watching, MiB',
          'peak, MiB',
          'camera, %',
          'peak, MiB',
          'samples',
          'training, s',
        ],
        rows.map((r) => [
          r.capMiB ?? '-',
          r.agentPercent,
          r.watchedPercent,
          r.tapMedianMs,
          r.tapMostMs,
          r.trainedTapMedianMs,
          r.trainedTapMostMs,
          r.watchingMiB,
          r.peakMiB,
          r.cameraPercent,
          r.cameraPeakMiB,
          r.samples,
          r.trainSeconds,
        ]),
      ),
    );
  });
}
