import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { LichenError, messageOf } from '../errors.js';
import { sizeOf } from '../onnx/model.js';
import type { PictureInput } from './manifest.js';
import { readPicture } from './picture.js';
import type { Trunk } from './trunk.js';

/** A picture's latent, by the picture's sample id. */
export interface PictureLatent {
  file: string;
  /** First 32 hex characters of the sha256 of the file's bytes. */
  id: string;
  latent: Uint8Array;
}

export interface Unreadable {
  file: string;
  reason: string;
}

/** The sample id of a picture's bytes. */
export function sampleId(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}

/**
 * Decodes files and runs the trunk over them in batches; the next batch is decoded while the trunk works on the
 * one before. Files that cannot be read are set aside with the reason.
 * @param onProgress called with the number of files done
 */
export async function latentsOfFiles(
  files: readonly string[],
  trunk: Trunk,
  input: PictureInput,
  batch = 8,
  onProgress: (done: number) => void = () => {},
): Promise<{ latents: PictureLatent[]; unreadable: Unreadable[] }> {
  const size = sizeOf([3, input.height, input.width]);
  const buffers = [new Float32Array(batch * size), new Float32Array(batch * size)] as const;
  const latents: PictureLatent[] = [];
  const unreadable: Unreadable[] = [];
  const decode = async (from: number, into: Float32Array): Promise<{ file: string; id: string }[]> => {
    const part = files.slice(from, from + batch);
    const read = await Promise.all(part.map((file, i) => decodeOne(file, input, into, i * size)));
    const good: { file: string; id: string }[] = [];
    for (const [i, r] of read.entries()) {
      if ('reason' in r) {
        unreadable.push(r);
        continue;
      }
      // Close the gap that an unreadable picture before this one left.
      if (good.length < i) into.copyWithin(good.length * size, i * size, (i + 1) * size);
      good.push(r);
    }
    return good;
  };
  let next = decode(0, buffers[0]);
  for (let from = 0, turn = 0; from < files.length; from += batch, turn = 1 - turn) {
    const good = await next;
    const pictures = buffers[turn as 0 | 1];
    if (from + batch < files.length) next = decode(from + batch, buffers[(1 - turn) as 0 | 1]);
    if (good.length > 0) {
      const encoded = await trunk.latents(pictures, good.length);
      good.forEach((g, i) => {
        latents.push({ ...g, latent: encoded[i]! });
      });
    }
    onProgress(Math.min(files.length, from + batch));
  }
  return { latents, unreadable };
}

async function decodeOne(
  file: string,
  input: PictureInput,
  into: Float32Array,
  offset: number,
): Promise<{ file: string; id: string } | Unreadable> {
  try {
    const bytes = await readFile(file);
    await readPicture(bytes, input, into, offset);
    return { file, id: sampleId(bytes) };
  } catch (error) {
    if (error instanceof LichenError || (error as NodeJS.ErrnoException).code) {
      return { file, reason: messageOf(error) };
    }
    throw error;
  }
}
