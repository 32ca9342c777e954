import { createHash } from 'node:crypto';
import { isHeldOut } from '../../src/replay/held-out.js';
import { costOf } from '../../src/replay/layout.js';
import type { Sample } from '../../src/replay/sample.js';

export const KEY = new Uint8Array(32).fill(7);

/** The id of the n-th picture. */
export function idOf(n: number): string {
  return createHash('sha256').update(`picture ${n}`).digest('hex').slice(0, 32);
}

/** The latent that belongs to an id, so that any latent can be checked from its id alone. */
export function latentOf(id: string, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  const block = createHash('sha512').update(id).digest();
  for (let at = 0; at < bytes; at += block.length) out.set(block.subarray(0, bytes - at), at);
  return out;
}

/** The n-th sample of a stream. */
export function sampleOf(n: number, latentBytes: number, fields: Partial<Sample> = {}): Sample {
  const id = fields.id ?? idOf(n);
  return {
    id,
    task: 'tops',
    label: 'shirt',
    heldOut: isHeldOut(id),
    at: 1_785_000_000_000 + n,
    latent: latentOf(id, latentBytes),
    ...fields,
  };
}

/** A cap that holds exactly so many samples. */
export function capFor(samples: number, latentBytes: number): number {
  return costOf(samples + 1, latentBytes);
}
