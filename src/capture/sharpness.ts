import type { GreyPicture } from './small-picture.js';

/**
 * The variance of a picture's Laplacian (Pech-Pacheco et al., 'Diatom autofocusing in brightfield microscopy', ICPR
 * 2000): large where there are edges, small in a blurred picture and on a bare wall. It is comparable only between
 * pictures of one size of one scene.
 */
export function laplacianVariance({ width, height, pixels }: GreyPicture): number {
  let sum = 0;
  let squares = 0;
  let n = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const value =
        pixels[i - width]! + pixels[i + width]! + pixels[i - 1]! + pixels[i + 1]! - 4 * pixels[i]!;
      sum += value;
      squares += value * value;
      n += 1;
    }
  }
  if (n === 0) return 0;
  const mean = sum / n;
  return squares / n - mean * mean;
}

/** Pictures that the usual sharpness is taken from, at most and at least. */
const MOST = 16;
const LEAST = 8;
/** A picture is blurred whose variance is a smaller share of the usual one. */
const SHARE = 0.25;

/**
 * Tells blurred pictures by what is usual for a camera: the median of the newest pictures. It needs no number for the
 * scene, and when a scene stays less sharp (at night, say) that is the usual one after eight pictures.
 */
export class UsualSharpness {
  private readonly newest: number[] = [];

  /** Takes a picture's variance of the Laplacian, and says whether it is a blurred one. */
  isBlurred(variance: number): boolean {
    const usual = [...this.newest].sort((a, b) => a - b)[this.newest.length >> 1] ?? 0;
    const enough = this.newest.length >= LEAST;
    this.newest.push(variance);
    if (this.newest.length > MOST) this.newest.shift();
    return enough && variance < SHARE * usual;
  }
}
