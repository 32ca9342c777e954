import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { BENCHMARKS } from '../../bench/continual/benchmarks.js';
import { reportHtml } from '../../bench/continual/report/page.js';
import { readRows } from '../../bench/continual/results.js';
import { writeText } from '../../bench/record.js';
import { packageRoot } from '../backbone/manifest.js';
import { LichenError } from '../errors.js';
import { print } from './output.js';

interface ReportOptions {
  in: string;
  out: string;
  json: boolean;
}

/** `lichen bench report`: the runs of `lichen bench continual` as a page. */
export function addReport(bench: Command): void {
  bench
    .command('report')
    .summary('the figures of lichen bench continual as a page with tables, curves and heat maps')
    .description('Makes one HTML file of the runs that `lichen bench continual` has kept.')
    .option('--in <folder>', 'folder with the figures', join(packageRoot(), 'bench', 'results', 'continual'))
    .option('--out <file>', 'the page', 'continual.html')
    .option('--json', 'print one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen bench report
  lichen bench continual --benchmark split-mnist-small --out runs/small.json && lichen bench report --in runs --out small.html`,
    )
    .action((options: ReportOptions) => {
      const { in: folder, out } = options;
      const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith('.json')) : [];
      const runs = files.sort().flatMap((file) => readRows(join(folder, file)));
      if (runs.length === 0) {
        throw new LichenError(
          'bench-data-missing',
          `${folder} has no figures of 'lichen bench continual'; run that first, or name another folder with --in`,
        );
      }
      const summaries = new Map(Object.entries(BENCHMARKS).map(([name, { summary }]) => [name, summary]));
      writeText(out, reportHtml(runs, summaries));
      print({ file: out, runs: runs.length }, options.json, () => `${runs.length} runs written to ${out}`);
    });
}
