import { existsSync, readFileSync } from 'node:fs';
import { LichenError, messageOf } from '../../src/errors.js';
import { type Circumstances, writeResult } from '../record.js';
import type { ContinualResult } from './run.js';

/** A file of runs: the circumstances of the last, and all runs. */
interface ResultFile extends Circumstances {
  bench: 'continual';
  runs: ContinualResult[];
}

/**
 * The runs that a file has; none where there is no file.
 * @throws LichenError `bench-data-invalid` for a file that this bench did not write
 */
export function readRows(file: string): ContinualResult[] {
  if (!existsSync(file)) return [];
  try {
    const { runs } = JSON.parse(readFileSync(file, 'utf8')) as ResultFile;
    if (!Array.isArray(runs)) throw new TypeError('it has no list of runs');
    return runs;
  } catch (error) {
    throw new LichenError(
      'bench-data-invalid',
      `${file} cannot be read as runs of 'lichen bench continual': ${messageOf(error)}; move it away or name another with --out`,
      { cause: error },
    );
  }
}

/** Adds runs to a file; a run of the same method, benchmark, variant and seed takes the place of the one before. */
export function addRows(file: string, rows: readonly ContinualResult[], circumstances: Circumstances): void {
  const key = (r: ContinualResult) => `${r.method} ${r.benchmark} ${r.variant ?? ''} ${r.seed}`;
  const all = new Map(readRows(file).map((r) => [key(r), r]));
  for (const r of rows) all.set(key(r), r);
  const result: ResultFile = { bench: 'continual', ...circumstances, runs: [...all.values()] };
  writeResult(file, result);
}
