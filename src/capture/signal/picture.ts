import sharp from 'sharp';

/**
 * A picture of spectrograms: time to the right, the lowest band at the bottom. One channel is grey, two are red and
 * green, three red, green and blue.
 * @param channels grey values of each channel, [columns x bands], column by column
 * @returns a PNG of the size
 */
export async function spectrogramPicture(
  channels: readonly Uint8Array[],
  bands: number,
  { width, height }: { width: number; height: number },
): Promise<Buffer> {
  const columns = channels[0]!.length / bands;
  const planes = channels.length === 1 ? 1 : 3;
  const pixels = new Uint8Array(columns * bands * planes).fill(128);
  channels.forEach((values, plane) => {
    for (let c = 0; c < columns; c++) {
      for (let b = 0; b < bands; b++) {
        pixels[((bands - 1 - b) * columns + c) * planes + plane] = values[c * bands + b]!;
      }
    }
  });
  return sharp(pixels, { raw: { width: columns, height: bands, channels: planes } })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .png({ compressionLevel: 1 })
    .toBuffer();
}
