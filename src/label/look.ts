import { decodeLatent, type LatentShape } from '../backbone/latent.js';

/**
 * How a picture looks, for telling whether two look alike: mean and deviation of every channel of its latent over the
 * positions, each of the two parts scaled to length 1. Costs a thousandth of what the trunk does.
 * @returns [2 * channels]
 */
export function lookOf(latent: Uint8Array, shape: LatentShape): Float32Array {
  const { channels, positions } = shape;
  const values = new Float32Array(channels * positions);
  decodeLatent(latent, shape, values, 0);
  const look = new Float32Array(2 * channels);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (let p = c * positions; p < (c + 1) * positions; p++) {
      sum += values[p]!;
      squares += values[p]! ** 2;
    }
    const mean = sum / positions;
    look[c] = mean;
    look[channels + c] = Math.sqrt(Math.max(0, squares / positions - mean ** 2));
  }
  unit(look.subarray(0, channels));
  unit(look.subarray(channels));
  return look;
}

/** How unlike two pictures look: Euclidean distance, from 0 to 2. */
export function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return Math.sqrt(sum);
}

function unit(values: Float32Array): void {
  const length = Math.hypot(...values);
  if (length > 0) for (let k = 0; k < values.length; k++) values[k]! /= length;
}
