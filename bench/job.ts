import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../src/backbone/manifest.js';
import { classesOf } from '../src/capture/class-folders.js';
import type { LearnResult } from '../src/cli/learn-result.js';
import { type Dataset, readDataset } from './data.js';
import { median } from './statistics.js';

const run = promisify(execFile);

export interface JobOptions {
  folder: string;
  dataset: Dataset;
  perClass: number;
  epochs: number;
  method: string;
  runs: number;
}

export interface JobResult {
  dataset: Dataset;
  method: string;
  pictures: number;
  epochs: number;
  /** Seconds that the process lived, start of Node included, of each run. */
  seconds: number[];
  medianSeconds: number;
  /** The larger one of the two processes' peaks: the reader's and the learner's. */
  peakRssBytes: number[];
  stepMilliseconds: number[];
  heldOutAccuracy: number | null;
}

/** Times the whole of `lichen learn` on pictures: a process of its own, from decoding to the kept version. */
export async function measureJob(options: JobOptions, say: (text: string) => void): Promise<JobResult> {
  const { dataset, epochs, method } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
  try {
    const data = join(scratch, 'data');
    const result: JobResult = {
      dataset,
      method,
      pictures: copyPictures(options, data),
      epochs,
      seconds: [],
      medianSeconds: 0,
      peakRssBytes: [],
      stepMilliseconds: [],
      heldOutAccuracy: null,
    };
    for (let k = 0; k < options.runs; k++) {
      const { seconds, learned } = await runLearn(data, join(scratch, `store${k}`), method, epochs);
      result.seconds.push(seconds);
      result.peakRssBytes.push(learned.peakRssBytes);
      result.stepMilliseconds.push(learned.stepMilliseconds);
      result.heldOutAccuracy = learned.heldOutAccuracy;
      say(
        `${method}, run ${k + 1}: ${seconds.toFixed(1)} s, peak ${(learned.peakRssBytes / 1e6).toFixed(0)} MB`,
      );
    }
    result.medianSeconds = median(result.seconds);
    return result;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Copies the first so many pictures of every class into class folders; returns how many there are. */
export function copyPictures(
  { folder, dataset, perClass }: Pick<JobOptions, 'folder' | 'dataset' | 'perClass'>,
  to: string,
): number {
  const files = readDataset(folder, dataset);
  let pictures = 0;
  for (const label of classesOf(files)) {
    mkdirSync(join(to, label), { recursive: true });
    for (const { file } of files.filter((f) => f.label === label).slice(0, perClass)) {
      copyFileSync(file, join(to, label, basename(file)));
      pictures++;
    }
  }
  return pictures;
}

/**
 * `lichen learn` in a process of its own; seconds that it lived, and what it printed.
 * @param more further options of the command
 */
export async function runLearn(
  data: string,
  store: string,
  method: string,
  epochs: number,
  more: readonly string[] = [],
): Promise<{ seconds: number; learned: LearnResult }> {
  const start = performance.now();
  const { stdout } = await run(process.execPath, [
    join(packageRoot(), 'dist', 'src', 'cli', 'main.js'),
    ...['learn', '--data', data, '--task', 'bench', '--method', method],
    ...['--epochs', String(epochs), '--store', store, '--json', '--quiet'],
    ...more,
  ]);
  const seconds = Math.round((performance.now() - start) / 10) / 100;
  return { seconds, learned: JSON.parse(stdout) as LearnResult };
}
