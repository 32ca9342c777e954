import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../src/backbone/manifest.js';
import type { LearnResult } from '../src/cli/learn-result.js';
import { LEAN_ALLOCATOR } from '../src/process-memory.js';
import type { Dataset } from './data.js';
import { copyPictures } from './job.js';

const run = promisify(execFile);
const MIB = 2 ** 20;

export interface MemoryOptions {
  folder: string;
  dataset: Dataset;
  perClass: number;
  epochs: number;
  batch: number;
  method: string;
  /** MiB; 0 is no cap. */
  caps: readonly number[];
}

/** One training under a cap: what was chosen, and what it came to. */
export interface MemoryRow {
  /** MiB; 0 is no cap. */
  cap: number;
  /** Why the cap was refused; null where it was not. All that follows is null where it was. */
  refused: string | null;
  micro: number | null;
  pieces: number | null;
  estimatedPeakBytes: number | null;
  /** Peak resident memory (VmHWM) of the process that trained, and of the one that read the pictures before. */
  peakRssBytes: number | null;
  readerPeakRssBytes: number | null;
  /** Mean of the whole loop, and of the whole command. */
  stepMilliseconds: number | null;
  seconds: number | null;
  heldOutAccuracy: number | null;
}

/** Runs the whole of `lichen learn` under each cap, each in processes of its own. */
export async function measureMemory(
  options: MemoryOptions,
  say: (text: string) => void,
): Promise<MemoryRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
  try {
    const data = join(scratch, 'data');
    copyPictures(options, data);
    const rows: MemoryRow[] = [];
    for (const cap of options.caps) {
      say(cap === 0 ? 'no cap' : `a cap of ${cap} MiB`);
      rows.push(await learnUnder(cap, data, join(scratch, `store${rows.length}`), options));
    }
    return rows;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function learnUnder(
  cap: number,
  data: string,
  store: string,
  { epochs, batch, method }: MemoryOptions,
): Promise<MemoryRow> {
  const args = [
    join(packageRoot(), 'dist', 'src', 'cli', 'main.js'),
    ...[
      'learn',
      '--data',
      data,
      '--task',
      'bench',
      '--method',
      method,
      '--store',
      store,
      '--json',
      '--quiet',
    ],
    ...['--epochs', String(epochs), '--batch', String(batch)],
    ...(cap === 0 ? [] : ['--memory', `${cap}MiB`]),
  ];
  // As the command's first line starts it.
  const env = { ...process.env, ...LEAN_ALLOCATOR };
  const output = await run(process.execPath, args, { env }).catch((error: { stdout?: string }) => {
    if (!error.stdout) throw error;
    return { stdout: error.stdout };
  });
  const said = JSON.parse(output.stdout) as LearnResult | { error: { code: string; message: string } };
  if ('error' in said) {
    if (said.error.code !== 'memory-cap') throw new Error(said.error.message);
    const empty = { micro: null, pieces: null, estimatedPeakBytes: null, peakRssBytes: null };
    const rest = { readerPeakRssBytes: null, stepMilliseconds: null, seconds: null, heldOutAccuracy: null };
    return { cap, refused: said.error.message, ...empty, ...rest };
  }
  return {
    cap,
    refused: null,
    micro: said.memory?.micro ?? null,
    pieces: said.memory?.pieces ?? null,
    estimatedPeakBytes: said.memory && Math.round(said.memory.estimatedPeakBytes),
    peakRssBytes: said.trainingPeakRssBytes,
    readerPeakRssBytes: said.readerPeakRssBytes,
    stepMilliseconds: said.stepMilliseconds,
    seconds: said.seconds,
    heldOutAccuracy: said.heldOutAccuracy,
  };
}

/** A peak in MiB. */
export const mebibytes = (bytes: number | null): string => (bytes === null ? '-' : (bytes / MIB).toFixed(0));
