import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../src/backbone/manifest.js';
import { classesOf } from '../src/capture/class-folders.js';
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
  const { folder, dataset, perClass, epochs, method } = options;
  const files = readDataset(folder, dataset);
  const scratch = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
  try {
    let pictures = 0;
    for (const label of classesOf(files)) {
      mkdirSync(join(scratch, 'data', label), { recursive: true });
      for (const { file } of files.filter((f) => f.label === label).slice(0, perClass)) {
        copyFileSync(file, join(scratch, 'data', label, basename(file)));
        pictures++;
      }
    }
    const result: JobResult = {
      dataset,
      method,
      pictures,
      epochs,
      seconds: [],
      medianSeconds: 0,
      peakRssBytes: [],
      stepMilliseconds: [],
      heldOutAccuracy: null,
    };
    for (let k = 0; k < options.runs; k++) {
      const start = performance.now();
      const { stdout } = await run(process.execPath, [
        join(packageRoot(), 'dist', 'src', 'cli', 'main.js'),
        ...['learn', '--data', join(scratch, 'data'), '--task', 'bench', '--method', method],
        ...['--epochs', String(epochs), '--store', join(scratch, `store${k}`), '--json', '--quiet'],
      ]);
      const seconds = (performance.now() - start) / 1000;
      const learned = JSON.parse(stdout) as {
        peakRssBytes: number;
        stepMilliseconds: number;
        heldOutAccuracy: number;
      };
      result.seconds.push(Math.round(seconds * 100) / 100);
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
