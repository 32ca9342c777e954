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
