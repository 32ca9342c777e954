import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { nightPicture } from '../../src/demo/night.js';

const FOLDER = 'models/demo-pictures/test/tops/coat';
const PICTURES = readdirSync(FOLDER)
  .sort()
  .slice(0, 12)
  .map((f) => readFileSync(`${FOLDER}/${f}`));

/** A picture's grey values and its size. */
async function grey(picture: Buffer): Promise<{ values: number[]; width: number; height: number }> {
  const { data, info } = await sharp(picture).greyscale().raw().toBuffer({ resolveWithObject: true });
  return { values: [...data], width: info.width, height: info.height };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('a night picture', () => {
  it('is the same bytes for the same seed, and others for another', async () => {
    const [day] = PICTURES;
    const [a, b, c] = [await nightPicture(day!, 3), await nightPicture(day!, 3), await nightPicture(day!, 4)];
    expect(a.equals(b)).toBe(true);
    expect(a.equals(c)).toBe(false);
  });

  it('is much darker: about a third of the light', async () => {
    for (const [i, day] of PICTURES.entries()) {
      // Of the whole light, since turning makes the picture larger by black corners.
      const light = async (p: Buffer) => (await grey(p)).values.reduce((a, b) => a + b, 0);
      const share = (await light(await nightPicture(day, i))) / (await light(day));
      expect(share).toBeGreaterThan(0.25);
      // Noise that would be below black is cut off, which adds some light.
      expect(share).toBeLessThan(0.6);
    }
  });

  it('never gets as bright as by day', async () => {
    const brightest = async (p: Buffer) => Math.max(...(await grey(p)).values);
    const day = await Promise.all(PICTURES.map(brightest));
    const night = await Promise.all(PICTURES.map(async (p, i) => brightest(await nightPicture(p, i))));
    expect(mean(night)).toBeLessThan(0.6 * mean(day));
  });

  it('has noise that the day has not, and is larger by the turn', async () => {
    const black = await sharp({ create: { width: 28, height: 28, channels: 3, background: 'black' } })
      .png()
      .toBuffer();
    const { values, width, height } = await grey(await nightPicture(black, 1));
    expect(new Set(values).size).toBeGreaterThan(10);
    expect(values.filter((v) => v > 0).length / values.length).toBeGreaterThan(0.3);
    // 28 * (cos 20 + sin 20) = 35.9
    expect(width).toBeGreaterThan(34);
    expect(height).toBe(width);
  });

  it('is turned: what was an upright bar by day leans', async () => {
    const bar = await sharp({ create: { width: 41, height: 41, channels: 3, background: 'black' } })
      .composite([
        { input: { create: { width: 3, height: 41, channels: 3, background: 'white' } }, left: 19, top: 0 },
      ])
      .png()
      .toBuffer();
    const { values, width, height } = await grey(await nightPicture(bar, 1));
    const brightestIn = (row: number) => {
      const line = values.slice(row * width, (row + 1) * width);
      return line.indexOf(Math.max(...line));
    };
    const lean = brightestIn(Math.round(height * 0.3)) - brightestIn(Math.round(height * 0.7));
    // A fifth of the height, by the tangent of 20 degrees.
    expect(lean / (height * 0.4)).toBeGreaterThan(0.25);
    expect(lean / (height * 0.4)).toBeLessThan(0.5);
  });
});
