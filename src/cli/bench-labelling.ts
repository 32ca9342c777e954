import type { Command } from 'commander';
import { DATASETS, type Dataset } from '../../bench/data.js';
import { type LabellingResult, measureLabelling } from '../../bench/labelling/labelling.js';
import type { Summary } from '../../bench/statistics.js';
import { OrtEngine } from '../engine/ort.js';
import { type CommonOptions, common, finish, names, running } from './bench-shared.js';
import { integer } from './options.js';
import { percent, table } from './output.js';

/** `lichen bench labelling` */
export function addLabelling(bench: Command): void {
  common(
    bench
      .command('labelling')
      .summary('what labels are worth that the queue asks for, against random ones and the margin alone')
      .option('--datasets <names>', `${DATASETS.join(',')}`, names(DATASETS), [...DATASETS])
      .option('--seeds <n>', 'independent streams', integer(1, 100), 5)
      .option('--first-seed <n>', 'seed of the first stream; the others follow it', integer(0, 2 ** 31), 0)
      .option('--at-once <n>', 'questions that the owner answers each time', integer(1, 10), 5),
    `
Examples:
  lichen bench labelling
  lichen bench labelling --datasets hand-signs --seeds 3 --at-once 1 --json`,
  ).action(
    async (
      options: CommonOptions & { datasets: Dataset[]; seeds: number; firstSeed: number; atOnce: number },
    ) => {
      const result = await running('Labelling', (say) =>
        measureLabelling(new OrtEngine(), { ...options, folder: options.data }, say),
      );
      finish(options, 'labelling', result, () => report(result));
    },
  );
}

function report({ rows }: LabellingResult): string {
  const spread = (s: Summary) => `${percent(s.mean)} ± ${(100 * s.deviation).toFixed(1)}`;
  return table(
    ['dataset', 'chosen by', 'labels', 'accuracy', 'of each class, mean', 'classes seen'],
    rows.map((r) => [
      ...[r.dataset, r.rule, r.given.mean.toFixed(0)],
      ...[spread(r.accuracy), spread(r.perClass), r.classes.mean.toFixed(1)],
    ]),
  );
}
