import { createHash } from 'node:crypto';
import { checkSampleId } from './sample.js';

/** One sample in five is held out unless told otherwise. */
export const HELD_OUT_FRACTION = 0.2;

/**
 * Whether a sample is held out: kept for judging candidates, never trained on. The answer depends on nothing
 * but the id, so the same picture is on the same side on every device and after every restart, and a
 * sample held out at one fraction is held out at every larger one.
 *
 * @param id 32 hex characters, the beginning of the SHA-256 of the picture's bytes
 * @param fraction 0 to 1
 * @throws LichenError `sample-id-invalid`
 * @throws RangeError when the fraction is not within 0 to 1
 */
export function isHeldOut(id: string, fraction: number = HELD_OUT_FRACTION): boolean {
  if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`a fraction is 0 to 1, got ${fraction}`);
  checkSampleId(id);
  // Hashed again: the id's own bits also decide other things, such as the order of samples.
  const hash = createHash('sha256').update('lichen held-out ').update(id).digest();
  return hash.readUIntBE(0, 6) < fraction * 2 ** 48;
}
