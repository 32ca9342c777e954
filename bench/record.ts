import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { packageRoot } from '../src/backbone/manifest.js';

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

/** Writes a file, and the folder that it lies in. */
export function writeText(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
