import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { DATASETS, type Dataset, defaultDataFolder } from '../../bench/data.js';
import { circumstances, writeResult } from '../../bench/record.js';
import { packageRoot } from '../backbone/manifest.js';
import { integer } from './options.js';
import { print } from './output.js';
import { runSteps, type Say } from './progress.js';

/** What every bench can be told. */
export interface CommonOptions {
  data: string;
  out?: string;
  json: boolean;
}

/** Options that every bench has. */
export function common(command: Command, examples: string): Command {
  return command
    .option('--data <folder>', 'folder with the sets of photographs', defaultDataFolder())
    .option('--out <file>', 'where the figures go (default: bench/results/NAME.json)')
    .option('--json', 'print one line of JSON', false)
    .addHelpText('after', examples);
}

/** What the benches of a whole training can be told about it. */
export interface TrainingOptions {
  dataset: Dataset;
  perClass: number;
  epochs: number;
  method: string;
}

/** Options of the benches of a whole training. */
export function training(command: Command): Command {
  return command
    .option('--dataset <name>', DATASETS.join(' or '), one(DATASETS), 'hand-signs' as Dataset)
    .option('--per-class <n>', 'pictures a class', integer(1, 100_000), 60)
    .option('--epochs <n>', 'times that every sample is shown', integer(1, 1000), 10)
    .option('--method <name>', 'piggyback or pnn', one(['piggyback', 'pnn']), 'piggyback');
}

/** Writes a bench's figures to its file and prints them. */
export function finish(options: CommonOptions, name: string, result: object, text: () => string): void {
  // Where this machine keeps its files is nobody else's.
  const own = new Set(['--data', '--out', '--plot']);
  const args = process.argv
    .slice(2)
    .filter((a, i, all) => !own.has(a) && !own.has(all[i - 1] ?? ''))
    // The peer is a part of what was measured.
    .map((a, i, all) => (all[i - 1] === '--python' ? 'PYTHON' : a));
  const command = `lichen ${args.join(' ')}`;
  const whole = { bench: name, ...circumstances(command), ...result };
  const file = options.out ?? join(packageRoot(), 'bench', 'results', `${name}.json`);
  writeResult(file, whole);
  print(whole, options.json, () => `${text()}\n\nwritten to ${file}`);
}

/** Runs one bench with its progress on standard error. */
export async function running<T>(title: string, work: (say: Say) => Promise<T>): Promise<T> {
  const context: { result?: T } = {};
  const run = async (c: typeof context, say: Say) => {
    c.result = await work(say);
  };
  await runSteps([{ title, run }], context, false);
  return context.result!;
}

/** Parses one of a few words. */
export function one<T extends string>(known: readonly T[]): (text: string) => T {
  return (text) => {
    const found = known.find((k) => k === text);
    if (!found) throw new InvalidArgumentError(`expected one of ${known.join(', ')}.`);
    return found;
  };
}

/** Parses some of a few words, with commas between. */
export function names<T extends string>(known: readonly T[]): (text: string) => T[] {
  const parse = one(known);
  return (text) => text.split(',').map((t) => parse(t.trim()));
}
