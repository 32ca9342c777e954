import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { plainJpeg } from '../../src/label/plain-jpeg.js';
import { shownPicture } from '../../src/label/shown.js';

const SIDE = 64;
/** A picture with something in it. */
const picture = (side = SIDE) =>
  sharp({
    create: {
      width: side,
      height: side / 2,
      channels: 3,
      background: 'grey',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  });
const jpeg = (options?: JpegOptions, of: (picture: Sharp) => Sharp = (p) => p) =>
  of(picture()).jpeg(options).toBuffer();
/** A segment of JPEG with something to be read in it. */
function segment(marker: number, text: string): Buffer {
  const data = Buffer.from(text);
  return Buffer.concat([Buffer.from([0xff, marker, 0, data.length + 2]), data]);
}
/** With a segment after the start of the file, or before its scan. */
const withSegment = (file: Buffer, s: Buffer) => Buffer.concat([file.subarray(0, 2), s, file.subarray(2)]);

describe('a JPEG that can be shown as it is', () => {
  it.each<[string, JpegOptions]>([
    ['baseline', {}],
    ['progressive', { progressive: true }],
    ['with all colour', { chromaSubsampling: '4:4:4' }],
  ])('is the same, %s', async (_, options) => {
    const file = await jpeg(options);
    expect(plainJpeg(file, SIDE)).toEqual(file);
  });

  it('goes without its comment, and its pixels are the same', async () => {
    const file = await jpeg();
    const shown = plainJpeg(withSegment(file, segment(0xfe, 'at home')), SIDE)!;
    expect(shown).toEqual(file);
    expect(shown.includes('at home')).toBe(false);
  });

  it('is the same within a larger buffer', async () => {
    const file = await jpeg();
    const larger = Buffer.concat([Buffer.from('before'), file, Buffer.from('behind')]);
    expect(plainJpeg(larger.subarray(6, 6 + file.length), SIDE)).toEqual(file);
  });
});

describe('a picture that is made anew', () => {
  it.each<[string, () => Promise<Buffer>]>([
    [
      'it is too wide',
      () =>
        picture(2 * SIDE)
          .jpeg()
          .toBuffer(),
    ],
    ['it is a PNG', () => picture().png().toBuffer()],
    ['it tells where it was taken', () => jpeg({}, (p) => p.withExif({ IFD0: { Copyright: 'me' } }))],
    ['it is turned', () => jpeg({}, (p) => p.withMetadata({ orientation: 6 }))],
    ['it has a colour profile', () => jpeg({}, (p) => p.withIccProfile('p3'))],
    ['something foreign is in it', async () => withSegment(await jpeg(), segment(0xe5, 'a note'))],
    ['a thumbnail is in it', async () => withSegment(await jpeg(), segment(0xe0, 'JFXX\0\x10...'))],
    ['something is behind its end', async () => Buffer.concat([await jpeg(), Buffer.from('more')])],
    ['its end is missing', async () => (await jpeg()).subarray(0, -2)],
    ['it ends in a segment', async () => (await jpeg()).subarray(0, 40)],
    ['it is but its first bytes', async () => (await jpeg()).subarray(0, 3)],
    ['it is empty', async () => Buffer.alloc(0)],
  ])('%s', async (_, file) => {
    expect(plainJpeg(await file(), SIDE)).toBeUndefined();
  });

  it('has nothing in it of what a camera writes into its files', async () => {
    const file = await jpeg({}, (p) => p.withExif({ IFD0: { Copyright: 'this is private' } }));
    expect(file.includes('this is private')).toBe(true);
    const shown = await shownPicture(file);
    expect(shown.includes('this is private')).toBe(false);
    expect((await sharp(shown).metadata()).exif).toBeUndefined();
  });
});

it('shows a plain picture at its own quality', async () => {
  const file = await jpeg({ quality: 95 });
  expect(await shownPicture(file)).toEqual(file);
});
