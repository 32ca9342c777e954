import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyPictures, runLearn } from '../job.js';
import { median } from '../statistics.js';
import { round } from './comparison.js';
import { peerFile } from './steps.js';
import { inTurns } from './turns.js';

const exec = promisify(execFile);

/** Forms of the job in PyTorch: latents kept (its best way, with each quick form of the trunk), and none kept. */
const PEER_JOBS = {
  'kept latents, channels_last': ['--latents', 'cached', '--trunk', 'channels_last', '--trunk-batch', '8'],
  'kept latents, frozen TorchScript': ['--latents', 'cached', '--trunk', 'jit', '--trunk-batch', '8'],
  'no latents kept': ['--latents', 'none', '--trunk', 'eager'],
} as const;
const PLAIN = 'no latents kept';

/** Shorter forms of the job in Lichen: with the hardest samples alone, and with fewer epochs than the others. */
const SHORTER_JOBS = {
  'Lichen, the hardest third of the samples': ['--hardest', '0.3'],
  'Lichen, three epochs': ['--epochs', '3'],
} as const;
const LICHEN_JOBS: Readonly<Record<string, readonly string[]>> = { Lichen: [], ...SHORTER_JOBS };

export interface JobsOptions {
  folder: string;
  perClass: number;
  epochs: number;
  rounds: number;
  threads: number;
  python?: string;
}

/** One whole job of one side. */
export interface JobRun {
  /** Seconds that the process lived. */
  seconds: number;
  peakRssBytes: number;
  heldOutAccuracy: number | null;
  steps?: number;
  /** Seconds by part, where the side tells them. */
  parts?: Record<string, number>;
  versions?: Record<string, string | number>;
}

export interface JobSide {
  variant: string;
  medianSeconds: number;
  peakRssBytes: number;
  runs: JobRun[];
}

export interface JobComparison {
  pictures: number;
  epochs: number;
  lichen: JobSide;
  /** Lichen's shorter forms. */
  lichenShorter: JobSide[];
  /** Every form of the peer, the fastest first. */
  peers: JobSide[];
  /** How many times longer the peer's fastest form takes, with every sample shown in every epoch on both sides. */
  timesFaster: number | null;
  /** The same against each of Lichen's shorter forms. */
  timesFasterShorter: number[];
  /** How many times longer the peer takes without latents kept. */
  timesFasterThanPlain: number | null;
  memoryRatio: number | null;
}

/** Whole jobs on the same pictures in turns, each a process from its start to its end. */
export async function compareJobs(o: JobsOptions, say: (text: string) => void): Promise<JobComparison> {
  const scratch = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
  try {
    const data = join(scratch, 'data');
    const pictures = copyPictures({ ...o, dataset: 'hand-signs' }, data);
    const own = Object.keys(LICHEN_JOBS);
    const names = [...own, ...(o.python ? Object.keys(PEER_JOBS) : [])];
    let run = 0;
    const measured = await inTurns(
      names.map((name) => () => {
        say(`job ${++run}/${o.rounds * names.length}: ${name}`);
        const store = join(scratch, `store${run}`);
        return own.includes(name)
          ? lichenJob(data, store, o, LICHEN_JOBS[name]!)
          : peerJob(data, name as keyof typeof PEER_JOBS, o);
      }),
      o.rounds,
    );
    const sides = names.map((variant, i) => jobSide(variant, measured[i]!));
    const [lichen, ...shorter] = sides.slice(0, own.length);
    return jobComparison(pictures, o.epochs, lichen!, shorter, sides.slice(own.length));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Sums up one side's runs. */
export function jobSide(variant: string, runs: JobRun[]): JobSide {
  return {
    variant,
    medianSeconds: round(median(runs.map((r) => r.seconds))),
    peakRssBytes: Math.max(...runs.map((r) => r.peakRssBytes)),
    runs,
  };
}

/** Puts the sides against each other; the peer's fastest form counts, and the plain one besides. */
export function jobComparison(
  pictures: number,
  epochs: number,
  lichen: JobSide,
  lichenShorter: readonly JobSide[],
  peers: readonly JobSide[],
): JobComparison {
  const sorted = [...peers].sort((a, b) => a.medianSeconds - b.medianSeconds);
  const best = sorted[0];
  const plain = sorted.find((p) => p.variant === PLAIN);
  return {
    pictures,
    epochs,
    lichen,
    lichenShorter: [...lichenShorter],
    peers: sorted,
    timesFaster: best ? round(best.medianSeconds / lichen.medianSeconds) : null,
    timesFasterShorter: best ? lichenShorter.map((s) => round(best.medianSeconds / s.medianSeconds)) : [],
    timesFasterThanPlain: plain ? round(plain.medianSeconds / lichen.medianSeconds) : null,
    memoryRatio: best ? round(lichen.peakRssBytes / best.peakRssBytes) : null,
  };
}

async function lichenJob(
  data: string,
  store: string,
  { epochs }: JobsOptions,
  more: readonly string[],
): Promise<JobRun> {
  const { seconds, learned } = await runLearn(data, store, 'piggyback', epochs, more);
  const { peakRssBytes, heldOutAccuracy, steps } = learned;
  return { seconds, peakRssBytes, heldOutAccuracy, steps };
}

async function peerJob(data: string, name: keyof typeof PEER_JOBS, o: JobsOptions): Promise<JobRun> {
  const numbers = ['--epochs', String(o.epochs), '--threads', String(o.threads)];
  const start = performance.now();
  const { stdout } = await exec(o.python!, [peerFile('torch_job.py'), data, ...PEER_JOBS[name], ...numbers]);
  const seconds = Math.round((performance.now() - start) / 10) / 100;
  const told = JSON.parse(stdout) as {
    seconds: Record<string, number>;
    steps: number;
    peakRssBytes: number;
    heldOutAccuracy: number;
    versions: Record<string, string | number>;
  };
  const { peakRssBytes, heldOutAccuracy, steps, versions } = told;
  return { seconds, peakRssBytes, heldOutAccuracy, steps, parts: told.seconds, versions };
}
