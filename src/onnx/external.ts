import { closeSync, fstatSync, readSync } from 'node:fs';
import { messageOf } from '../errors.js';
import { MAX_BYTES, openInside } from './files.js';

/**
 * The files beside a model that hold the data of large tensors (the standard's external data). What a model asks
 * for is not trusted: only regular files in the model's folder are read, and not more bytes in all than a model
 * may have.
 */
export class ExternalData {
  private readonly folder: string;
  private readonly allow: (location: string) => void;
  private left: number;

  /**
   * @param folder where the model is
   * @param used bytes of the model's own file, which count
   * @param allow throws for a file that must not be read, though it is in the folder
   */
  constructor(folder: string, used = 0, allow: (location: string) => void = () => {}) {
    this.folder = folder;
    this.allow = allow;
    this.left = MAX_BYTES - used;
  }

  /**
   * Reads a tensor's bytes.
   * @param tensor the name that errors are to give
   * @throws Error for a location outside of the folder, and a file that is missing or too short
   */
  read(tensor: string, location: string, offset: number, length: number): ArrayBuffer {
    const keeps = `'${tensor}' keeps its data in '${location}'`;
    if (length > this.left) {
      throw new Error(
        `with '${tensor}' it has more than ${MAX_BYTES} bytes (2 GiB), the most that can be read`,
      );
    }
    this.left -= length;
    this.allow(location);
    let file: number | undefined;
    try {
      file = openInside(this.folder, location);
      const { size } = fstatSync(file);
      if (offset + length > size) {
        throw new Error(
          `bytes ${offset} to ${offset + length} are needed, but it has ${size}; is it truncated?`,
        );
      }
      const buffer = new ArrayBuffer(length);
      const into = new Uint8Array(buffer);
      for (let done = 0; done < length; ) {
        const read = readSync(file, into, done, length - done, offset + done);
        if (read === 0) throw new Error('it became shorter while it was read');
        done += read;
      }
      return buffer;
    } catch (error) {
      throw new Error(`${keeps}: ${messageOf(error)}`, { cause: error });
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}
