import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import sharp from 'sharp';
import { photographs } from '../agent/pictures.js';

/** Scenes in the order in which a camera sees them; the first ones have bags in them, the others sandals. */
export const LABELS = ['bag', 'sandal'] as const;

/** A JPEG of one photograph, made large, as a camera before it would take it. */
export async function shot(
  label: string,
  which: number,
  { width = 320, height = 240 } = {},
): Promise<Buffer> {
  const [photograph] = photographs(label, 1, { from: which });
  return sharp(photograph!.bytes)
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/**
 * Four photographs side by side, in a picture full of edges.
 * @param place which photographs
 */
export async function scene(place: number, { width = 320, height = 240 } = {}): Promise<Buffer> {
  const parts = await Promise.all(
    photographs('ankle-boot', 4, { from: 4 * place }).map(async ({ bytes }, i) => ({
      input: await sharp(bytes)
        .resize(width / 2, height / 2, { fit: 'fill', kernel: 'nearest' })
        .toBuffer(),
      left: (i % 2) * (width / 2),
      top: Math.floor(i / 2) * (height / 2),
    })),
  );
  const canvas = sharp({ create: { width, height, channels: 3, background: 'white' } });
  return canvas.composite(parts).jpeg({ quality: 90 }).toBuffer();
}

/**
 * A film (Matroska) of pictures, each shown for a second at ten frames a second, made with ffmpeg.
 * @param codec ffmpeg's name of the encoder
 */
export function film(folder: string, pictures: readonly Buffer[], codec = 'mjpeg'): string {
  const file = join(folder, `film-${codec}.mkv`);
  const { status, stderr } = spawnSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-y', '-f', 'image2pipe', '-c:v', 'mjpeg', '-framerate', '10', '-i', 'pipe:0'],
      ...['-c:v', codec, '-pix_fmt', codec === 'mjpeg' ? 'yuvj420p' : 'yuv420p', '-g', '10', file],
    ],
    { input: Buffer.concat(pictures.flatMap((p) => Array<Buffer>(10).fill(p))) },
  );
  if (status !== 0) throw new Error(`ffmpeg: ${stderr}`);
  return file;
}
