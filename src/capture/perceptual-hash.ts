import { averageOver, type GreyPicture } from './small-picture.js';

const SIDE = 32;
const KEPT = 8;

/** The lowest KEPT frequencies of a DCT-II over SIDE values, a row each. */
const COSINES = Array.from({ length: KEPT }, (_, k) =>
  Float32Array.from({ length: SIDE }, (_, n) => Math.cos((Math.PI * (2 * n + 1) * k) / (2 * SIDE))),
);

/**
 * A picture's perceptual hash: which of the 8 x 8 lowest frequencies of its cosine transform over 32 x 32 cells are
 * above their median (Zauner, 'Implementation and benchmarking of perceptual image hash functions', 2010, section
 * 3.2.1). Pictures of the same scene differ in few of the 64 bits. The constant term, which is brightness, is in no bit.
 */
export function perceptualHash(picture: GreyPicture): bigint {
  const cells = averageOver(picture, SIDE);
  const rows = COSINES.map((cosine) =>
    Float32Array.from({ length: SIDE }, (_, y) => {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += cosine[x]! * cells[y * SIDE + x]!;
      return sum;
    }),
  );
  const values: number[] = [];
  for (const vertical of COSINES) {
    for (const row of rows) {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += vertical[y]! * row[y]!;
      values.push(sum);
    }
  }
  const ordered = values.slice(1).sort((a, b) => a - b);
  const median = ordered[Math.floor(ordered.length / 2)]!;
  return values.reduce((hash, v, i) => (i > 0 && v > median ? hash | (1n << BigInt(i)) : hash), 0n);
}

/** In how many bits two hashes differ. */
export function hammingDistance(a: bigint, b: bigint): number {
  let bits = 0;
  for (let rest = a ^ b; rest > 0n; rest &= rest - 1n) bits += 1;
  return bits;
}
