import sharp from 'sharp';
import { Random } from '../random.js';

/** How the night shift's camera sees: degrees it is turned by, share of the light, deviation of the noise. */
const TURN = 20;
const LIGHT = 0.35;
const NOISE = 7;

/**
 * A picture as a turned camera sees it in dim light: rotated, darker, slightly out of focus, with noise.
 * @returns a PNG; the same seed gives the same bytes
 */
export async function nightPicture(picture: Buffer, seed: number): Promise<Buffer> {
  const { data, info } = await sharp(picture)
    .greyscale()
    .rotate(TURN, { background: 'black' })
    .blur(0.6)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const random = new Random(seed);
  const dim = data.map((v) => Math.max(0, Math.min(255, Math.round(v * LIGHT + NOISE * random.normal()))));
  const { width, height, channels } = info;
  return sharp(Buffer.from(dim), { raw: { width, height, channels } }).png().toBuffer();
}
