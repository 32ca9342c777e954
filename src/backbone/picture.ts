import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { LichenError, messageOf } from '../errors.js';
import { enlarge } from './bicubic.js';
import { describeUnread, formatOf, type PictureFormat } from './picture-format.js';

/** How a picture becomes the network's input; a backbone's manifest has it. */
export interface PictureSpec {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Taken off each value in 0..255; one number, or one a channel. */
  mean: number | readonly number[];
  /** Each value is divided by this after the mean is taken off; one number, or one a channel. */
  std: number | readonly number[];
  layout: 'NCHW';
  colour: 'RGB';
}

/** A file that is no picture, or one that cannot be decoded; `reason` says why, without the file's name. */
export class UnreadablePicture extends LichenError {
  readonly reason: string;

  constructor(reason: string, options?: { cause?: unknown; path?: string }) {
    const which = options?.path === undefined ? 'the picture' : options.path;
    super('picture-unreadable', `${which} cannot be read: ${reason}`, options);
    this.name = 'UnreadablePicture';
    this.reason = reason;
  }
}

/** Larger files are no pictures that a sensor takes; they would only fill the memory. */
export const MAX_PICTURE_BYTES = 128 * 2 ** 20;
const CHANNELS = 3;

/**
 * Decodes a picture into the network's input: turned upright by its EXIF orientation, in sRGB (embedded ICC
 * profiles are applied, CMYK and 16 bits converted), of an animation the first frame, transparent parts on the
 * colour `mean` (which is 0 to the network), the whole picture stretched to `width` x `height` (the aspect ratio
 * is not kept), then (value - mean) / std.
 *
 * Resizing is cubic with the kernel stretched over what is made smaller, as in PIL's BICUBIC. Of libvips' kernels
 * `cubic` is the closest to it (mean error 0.28 of 255; lanczos3 1.06, mitchell 1.45).
 * @param input a file or its bytes
 * @param into where the 3 * height * width values are written, channel by channel, from `offset` on
 * @returns `into`, or a new array
 * @throws UnreadablePicture for every picture that cannot be read, with the reason
 */
export async function readPicture(
  input: string | Buffer,
  spec: PictureSpec,
  into?: Float32Array,
  offset = 0,
): Promise<Float32Array> {
  const { width, height } = spec;
  const out = into ?? new Float32Array(CHANNELS * width * height);
  if (offset < 0 || offset + CHANNELS * width * height > out.length) {
    throw new RangeError(
      `${CHANNELS} x ${height} x ${width} values do not fit at ${offset} into ${out.length} values`,
    );
  }
  const path = typeof input === 'string' ? input : undefined;
  try {
    const bytes = typeof input === 'string' ? await readBytes(input) : input;
    const { pixels, size } = await decode(bytes, checkFormat(bytes), spec);
    normalize(enlarge(pixels, size, spec), spec, out, offset);
    return out;
  } catch (error) {
    if (error instanceof Unreadable) throw new UnreadablePicture(error.message, { cause: error.cause, path });
    throw error;
  }
}

/** Why a picture cannot be read, before it is known which picture it is. */
class Unreadable extends Error {}

async function readBytes(path: string): Promise<Buffer> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw new Unreadable('it is a folder');
    if (!info.isFile()) throw new Unreadable('it is not a regular file');
    checkBytes(info.size);
    return await readFile(path);
  } catch (error) {
    const reason = { ENOENT: 'it does not exist', EACCES: 'no permission', EPERM: 'no permission' };
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Unreadable(reason[code as keyof typeof reason] ?? messageOf(error), { cause: error });
  }
}

function checkBytes(size: number): void {
  if (size === 0) throw new Unreadable('it is empty');
  if (size > MAX_PICTURE_BYTES) {
    const mib = (n: number) => Math.round(n / 2 ** 20);
    throw new Unreadable(`it has ${mib(size)} MiB, at most ${mib(MAX_PICTURE_BYTES)} MiB are read`);
  }
}

function checkFormat(bytes: Buffer): PictureFormat {
  checkBytes(bytes.length);
  const format = formatOf(bytes);
  if (!format) throw new Unreadable(describeUnread(bytes));
  return format;
}

/** RGB pixels, interleaved, of a picture that is not larger than the input in either direction. */
async function decode(
  bytes: Buffer,
  format: PictureFormat,
  spec: PictureSpec,
): Promise<{ pixels: Uint8Array; size: { width: number; height: number } }> {
  const [r, g, b] = perChannel(spec.mean).map((mean) => Math.round(mean));
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: format.maxPixels })
      .autoOrient()
      .flatten({ background: { r, g, b } })
      .resize(spec.width, spec.height, {
        fit: 'fill',
        kernel: 'cubic',
        withoutEnlargement: true,
        // The decoder may still shrink to twice the size that is wanted; moire stays away.
        fastShrinkOnLoad: false,
      })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { pixels: data, size: info };
  } catch (error) {
    const text = messageOf(error)
      .split('\n')[0]!
      .replace(/^Input buffer /, '');
    if (/pixel limit/i.test(text)) {
      throw new Unreadable(
        `it has more than ${format.maxPixels / 1e6} megapixels, too many for ${format.name}`,
        {
          cause: error,
        },
      );
    }
    throw new Unreadable(`its ${format.name} data are broken or cut short (${text})`, { cause: error });
  }
}

function normalize(
  pixels: Uint8Array | Uint8ClampedArray,
  spec: PictureSpec,
  out: Float32Array,
  offset: number,
): void {
  const plane = spec.width * spec.height;
  const mean = perChannel(spec.mean);
  const std = perChannel(spec.std);
  for (let c = 0; c < CHANNELS; c++) {
    const table = Float32Array.from({ length: 256 }, (_, value) => (value - mean[c]!) / std[c]!);
    const to = offset + c * plane;
    for (let p = 0, i = c; p < plane; p++, i += CHANNELS) out[to + p] = table[pixels[i]!]!;
  }
}

const perChannel = (value: number | readonly number[]): readonly number[] =>
  typeof value === 'number' ? [value, value, value] : value;
