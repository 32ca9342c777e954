import type { Samples } from '../../src/learn/samples.js';
import type { Random } from '../../src/random.js';
import type { Pictures } from './mnist.js';

/** Where each input value comes from: a pixel's index, or -1 for black. */
export type Gather = Int16Array;

/** The pixels in their own order. */
export const inOrder = (size: number): Gather => Int16Array.from({ length: size }, (_, i) => i);

/** The pixels in random order: one task of permuted MNIST (Goodfellow et al. 2014; Kirkpatrick et al. 2017). */
export function permuted(size: number, random: Random): Gather {
  return Int16Array.from(random.shuffle(Array.from({ length: size }, (_, i) => i)));
}

/**
 * The picture turned about its middle, counter-clockwise, each value from the nearest pixel: one task of rotated MNIST
 * (Lopez-Paz & Ranzato 2017, section 5.1).
 */
export function rotated(side: number, degrees: number): Gather {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const middle = (side - 1) / 2;
  return Int16Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [(i % side) - middle, Math.floor(i / side) - middle];
    const column = Math.round(x * cos - y * sin + middle);
    const row = Math.round(x * sin + y * cos + middle);
    const inside = column >= 0 && column < side && row >= 0 && row < side;
    return inside ? row * side + column : -1;
  });
}

/** How pixels become inputs: value = (pixel / 255 - mean) / deviation. */
export interface Scale {
  mean: number;
  deviation: number;
}

export const PLAIN: Scale = { mean: 0, deviation: 1 };

export interface View {
  /** Which pictures. */
  indices: readonly number[];
  gather: Gather;
  scale?: Scale;
  /** Class index of a digit; the digit itself where nothing is said. */
  labelOf?: (digit: number) => number;
}

/** Pictures as samples, made when they are read: tasks that differ in a permutation share the pixels. */
export function samplesOf(pictures: Pictures, { indices, gather, scale = PLAIN, labelOf }: View): Samples {
  const size = pictures.rows * pictures.columns;
  const values = Float32Array.from({ length: 256 }, (_, p) => (p / 255 - scale.mean) / scale.deviation);
  return {
    count: indices.length,
    width: gather.length,
    labels: indices.map((i) => (labelOf ?? ((digit) => digit))(pictures.labels[i]!)),
    read: (index, into, offset) =>
      readPicture(pictures.pixels, indices[index]! * size, gather, values, into, offset),
  };
}

/**
 * A function of its own, and four values at a time: with arrays of its closure, which are others in every task, the
 * loop takes nearly twice as long.
 */
function readPicture(
  pixels: Uint8Array,
  from: number,
  gather: Gather,
  values: Float32Array,
  into: Float32Array,
  offset: number,
): void {
  const value = (at: number) => values[at < 0 ? 0 : pixels[from + at]!]!;
  const width = gather.length;
  let k = 0;
  for (; k + 3 < width; k += 4) {
    into[offset + k] = value(gather[k]!);
    into[offset + k + 1] = value(gather[k + 1]!);
    into[offset + k + 2] = value(gather[k + 2]!);
    into[offset + k + 3] = value(gather[k + 3]!);
  }
  for (; k < width; k++) into[offset + k] = value(gather[k]!);
}
