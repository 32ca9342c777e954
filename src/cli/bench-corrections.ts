import type { Command } from 'commander';
import {
  CORRECTED_METHODS,
  type CorrectedMethod,
  type CorrectionsRow,
  measureCorrections,
} from '../../bench/recognition/corrections.js';
import type { Summary } from '../../bench/statistics.js';
import { OrtEngine } from '../engine/ort.js';
import { type CommonOptions, common, finish, names, running } from './bench-shared.js';
import { integer } from './options.js';
import { percent, table } from './output.js';

interface Options extends CommonOptions {
  methods: CorrectedMethod[];
  perClass: number;
  epochs: number;
  seeds: number;
  firstSeed: number;
}

/** `lichen bench corrections` */
export function addCorrections(bench: Command): void {
  common(
    bench
      .command('corrections')
      .summary('what a label changes about the answers of a trained version, before it is trained again')
      .option('--methods <names>', CORRECTED_METHODS.join(','), names(CORRECTED_METHODS), [
        ...CORRECTED_METHODS,
      ])
      .option('--per-class <n>', 'pictures a class that the version knows', integer(1, 100_000), 20)
      .option('--epochs <n>', 'times that every sample is shown', integer(1, 1000), 6)
      .option('--seeds <n>', 'independent runs', integer(1, 100), 3)
      .option('--first-seed <n>', 'seed of the first run; the others follow it', integer(0, 2 ** 31), 0),
    `
Examples:
  lichen bench corrections
  lichen bench corrections --methods piggyback --per-class 60 --seeds 5 --json`,
  ).action(async (options: Options) => {
    const result = await running('Corrections', (say) =>
      measureCorrections(new OrtEngine(), { ...options, folder: options.data }, say),
    );
    finish(options, 'corrections', result, () => report(result.rows));
  });
}

function report(rows: readonly CorrectionsRow[]): string {
  const spread = (s: Summary) => `${percent(s.mean)} ± ${(100 * s.deviation).toFixed(1)}`;
  return table(
    [
      ...['method', 'accuracy', 'labels', 'right at once', 'after all labels'],
      ...['by one label', 'lowest', 'by all', 'by any 100', 'ms to the answer', 'longest'],
    ],
    rows.map((r) => [
      ...[r.method, spread(r.accuracy), r.labelled.mean.toFixed(0), percent(r.atOnce.mean)],
      ...[percent(r.afterAll.mean), spread(r.byOne), percent(r.byOneLowest.lowest)],
      ...[spread(r.byAll), spread(r.byWhatever)],
      ...[r.milliseconds.mean.toFixed(0), r.longest.highest.toFixed(0)],
    ]),
  );
}
