import sharp from 'sharp';
import { formatOf } from '../backbone/picture-format.js';

/** A part of a picture as fractions of its width and height, from its upper left corner. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A picture in grey, a byte a pixel, row by row. */
export interface GreyPicture {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** Long side of the small picture, of the region: enough to tell a sharp picture from a blurred one. */
const LONG_SIDE = 160;
const WHOLE: Region = { x: 0, y: 0, width: 1, height: 1 };

/**
 * Decodes a picture (or a region of it) in grey and small, its longer side 160 pixels at most. A JPEG decoder leaves
 * out what the small size does not need, so this costs a fraction of a whole decoding.
 * @throws Error where it is no picture, or a broken one
 */
export async function smallPicture(bytes: Buffer, region: Region = WHOLE): Promise<GreyPicture> {
  const format = formatOf(bytes);
  if (!format) throw new Error('it is no picture of a kind that is read');
  const scale = 1 / Math.max(region.width, region.height);
  const side = Math.round(LONG_SIDE * scale);
  const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: format.maxPixels })
    .autoOrient()
    .resize(side, side, { fit: 'inside', withoutEnlargement: true, kernel: 'linear' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return crop({ width: info.width, height: info.height, pixels: luma(data, info.channels) }, region);
}

/** A region of a picture as a JPEG of its own. */
export async function cropPicture(bytes: Buffer, region: Region): Promise<Buffer> {
  const { autoOrient } = await sharp(bytes).metadata();
  return sharp(bytes)
    .autoOrient()
    .extract(pixelsOf(region, autoOrient.width, autoOrient.height))
    .jpeg({ quality: 95 })
    .toBuffer();
}

/** The average of a picture over a grid of `side` x `side` cells. */
export function averageOver({ width, height, pixels }: GreyPicture, side: number): Float32Array {
  const sums = new Float32Array(side * side);
  const counts = new Float32Array(side * side);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * side) / height) * side;
    for (let x = 0; x < width; x++) {
      const cell = row + Math.floor((x * side) / width);
      sums[cell]! += pixels[y * width + x]!;
      counts[cell]! += 1;
    }
  }
  return fillEmpty(sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : Number.NaN)));
}

/** Of a picture smaller than the grid some cells have no pixel; they are as the cell before. */
function fillEmpty(cells: Float32Array): Float32Array {
  for (let i = 1; i < cells.length; i++) if (Number.isNaN(cells[i]!)) cells[i] = cells[i - 1]!;
  return cells;
}

function crop(picture: GreyPicture, region: Region): GreyPicture {
  const { left, top, width, height } = pixelsOf(region, picture.width, picture.height);
  if (width === picture.width && height === picture.height) return picture;
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * picture.width + left;
    pixels.set(picture.pixels.subarray(from, from + width), y * width);
  }
  return { width, height, pixels };
}

function pixelsOf(region: Region, width: number, height: number) {
  const left = Math.min(width - 1, Math.round(region.x * width));
  const top = Math.min(height - 1, Math.round(region.y * height));
  return {
    left,
    top,
    width: Math.max(1, Math.min(width - left, Math.round(region.width * width))),
    height: Math.max(1, Math.min(height - top, Math.round(region.height * height))),
  };
}

/**
 * The luma of ITU-R BT.601 of each pixel. libvips' own conversion to grey goes through linear light, which takes longer
 * than the decoding, for no better a comparison.
 */
function luma(data: Buffer, channels: number): Uint8Array {
  if (channels === 1) return data;
  const pixels = new Uint8Array(data.length / channels);
  for (let i = 0, at = 0; i < pixels.length; i++, at += channels) {
    pixels[i] =
      channels < 3 ? data[at]! : 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]! + 0.5;
  }
  return pixels;
}
