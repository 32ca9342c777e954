import sharp from 'sharp';
import { LichenError, messageOf } from '../errors.js';
import type { PictureInput } from './manifest.js';

export async function readPicture(
  input: string | Buffer,
  spec: PictureInput,
  into?: Float32Array,
  offset = 0,
): Promise<Float32Array> {
  const { width, height, mean, std } = spec;
  const out = into ?? new Float32Array(3 * width * height);
  try {
    const { data, info } = await sharp(input)
      .rotate()
      .toColourspace('srgb')
      .removeAlpha()
      .resize(width, height, { fit: 'fill', kernel: 'cubic', fastShrinkOnLoad: false })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const plane = width * height;
    for (let c = 0; c < 3; c++) {
      for (let p = 0; p < plane; p++) {
        out[offset + c * plane + p] = (data[p * info.channels + (info.channels >= 3 ? c : 0)]! - mean) / std;
      }
    }
    return out;
  } catch (error) {
    throw new LichenError('picture-unreadable', messageOf(error));
  }
}
