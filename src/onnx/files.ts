import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { LichenError, messageOf } from '../errors.js';
import { checkOutline } from './outline.js';

/** Bytes that a model may have in all. ONNX models are protobuf messages, which end there. */
export const MAX_BYTES = 2 ** 31 - 1;

/** A file that is smaller is decoded at once: what is wrong with it is found there as fast. */
const OUTLINED = 2 ** 20;

/**
 * Reads a model's file, once it is known that it is a regular one, not too large, and a model by its outline.
 * @param besides bytes of other files of this model, which count
 * @throws Error; LichenError `onnx-invalid` for a large file that is no model, or was cut off
 */
export function readWhole(path: string, besides = 0): Buffer {
  const file = openRegular(path);
  try {
    const size = fstatSync(file).size + besides;
    if (size > MAX_BYTES) {
      throw new Error(
        `it has ${size} bytes${besides ? ' with its external data' : ''}; at most ${MAX_BYTES} can be read (2 GiB, the ` +
          'limit of protobuf). Use a smaller network, or weights in 8 or 16 bits',
      );
    }
    if (size - besides > OUTLINED) requireModel(path, file, size - besides);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function requireModel(path: string, file: number, size: number): void {
  try {
    checkOutline(file, size);
  } catch (error) {
    throw new LichenError('onnx-invalid', notDecoded(path, messageOf(error)), { cause: error });
  }
}

/** What is said of a file that is no protobuf message of a model. */
export const notDecoded = (source: string, why: string): string =>
  `${source} is not a usable ONNX model: it cannot be decoded (${why}); is it truncated or another kind of file?`;

/**
 * Opens a regular file for reading whose real path lies in a folder.
 * @throws Error for absolute paths, '..', and links that lead out of the folder
 */
export function openInside(folder: string, location: string): number {
  if (/^[/\\]|^[a-zA-Z]:|\0/.test(location) || location.split(/[/\\]/).includes('..')) {
    throw new Error("only files in the model's folder are read; copy it there, and correct the model");
  }
  const real = realpathSync(join(folder, location));
  if (!real.startsWith(realpathSync(folder) + sep)) {
    throw new Error("it is a link that leads out of the model's folder; copy the file there");
  }
  return openRegular(real);
}

/**
 * Opens a regular file for reading. Devices and pipes have no size, and reading them need not end.
 * @throws Error
 */
export function openRegular(path: string): number {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new Error('it is not a regular file');
}
