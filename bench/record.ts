import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { packageRoot } from '../src/backbone/manifest.js';
import { LichenError, messageOf } from '../src/errors.js';

/** What a bench's figures were measured with. */
export interface Circumstances {
  date: string;
  command: string;
  node: string;
  onnxruntime: string;
  lichen: string;
  processor: string;
  cores: number;
  memoryBytes: number;
}

/** @param command the command that repeats the measurement */
export function circumstances(command: string): Circumstances {
  const require = createRequire(import.meta.url);
  const versionOf = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  return {
    date: new Date().toISOString().slice(0, 10),
    command,
    node: process.versions.node,
    onnxruntime: versionOf(require.resolve('onnxruntime-node/package.json')),
    lichen: versionOf(join(packageRoot(), 'package.json')),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
  };
}

/** Writes a bench's figures as JSON. */
export function writeResult(file: string, result: object): void {
  writeText(file, `${JSON.stringify(result, null, 2)}\n`);
}

/**
 * Writes a file, and the folder that it lies in.
 * @throws LichenError `bench-unwritable`
 */
export function writeText(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw unwritable(file, error);
  }
}

/**
 * Makes sure that a file can be written, before anything is measured for it.
 * @throws LichenError `bench-unwritable`
 */
export function requireWritable(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, 'a'));
    if (statSync(file).size === 0) rmSync(file);
  } catch (error) {
    throw unwritable(file, error);
  }
}

const unwritable = (file: string, error: unknown) =>
  new LichenError(
    'bench-unwritable',
    `cannot write ${file}: ${messageOf(error)}; name another file with --out`,
    {
      cause: error,
    },
  );
