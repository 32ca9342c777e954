import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { readPicture, UnreadablePicture } from '../../src/backbone/picture.js';
import { LichenError } from '../../src/errors.js';
import { Random } from '../../src/random.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { scratchFolder } from '../store/scratch.js';
import pil from './pil-bicubic.json' with { type: 'json' };

const scratch = scratchFolder();
const SIDE = 16;
/** With this specification the network's input is the pixel value itself. */
const PLAIN = { width: SIDE, height: SIDE, mean: 0, std: 1, layout: 'NCHW', colour: 'RGB' } as const;
const GREY_BEHIND = { ...PLAIN, mean: 100, std: 1 } as const;

type Rgb = readonly [number, number, number];
const RED: Rgb = [220, 30, 40];
const GREEN: Rgb = [20, 200, 60];
const BLUE: Rgb = [10, 60, 230];
const WHITE: Rgb = [250, 250, 250];

/** A picture of four colours, one a quarter: top left, top right, bottom left, bottom right. */
function quarters(colours: readonly [Rgb, Rgb, Rgb, Rgb], width = 64, height = 64): Sharp {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set(colours[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)]!, (y * width + x) * 3);
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

const FOUR = [RED, GREEN, BLUE, WHITE] as const;

/** The colour near the middle of a quarter of what was read. */
function colourAt(values: Float32Array, quarter: 0 | 1 | 2 | 3, side = SIDE): number[] {
  const x = quarter % 2 === 0 ? side / 4 : (3 * side) / 4;
  const y = quarter < 2 ? side / 4 : (3 * side) / 4;
  return [0, 1, 2].map((c) => values[c * side * side + y * side + x]!);
}

function expectColours(values: Float32Array, colours: readonly Rgb[], tolerance: number): void {
  colours.forEach((colour, q) => {
    const found = colourAt(values, q as 0 | 1 | 2 | 3);
    const worst = Math.max(...found.map((v, c) => Math.abs(v - colour[c]!)));
    expect(worst, `quarter ${q}: ${found} for ${colour}`).toBeLessThanOrEqual(tolerance);
  });
}

/** A picture that does not compress well, the same in every run. */
function noise(side: number): Sharp {
  const random = new Random(5);
  const data = Buffer.from(Array.from({ length: side * side * 3 }, () => random.int(256)));
  return sharp(data, { raw: { width: side, height: side, channels: 3 } });
}

async function reasonOf(input: string | Buffer): Promise<string> {
  const error = await readPicture(input, PLAIN).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(UnreadablePicture);
  expect(error).toBeInstanceOf(LichenError);
  expect((error as UnreadablePicture).code).toBe('picture-unreadable');
  return (error as UnreadablePicture).reason;
}

describe('what is read', () => {
  it.each([
    ['PNG', (s: Sharp) => s.png(), 0],
    ['JPEG', (s: Sharp) => s.jpeg({ quality: 100, chromaSubsampling: '4:4:4' }), 3],
    ['progressive JPEG', (s: Sharp) => s.jpeg({ quality: 100, progressive: true }), 4],
    ['WebP', (s: Sharp) => s.webp({ lossless: true }), 0],
    ['TIFF', (s: Sharp) => s.tiff({ compression: 'lzw' }), 0],
    ['AVIF', (s: Sharp) => s.avif({ lossless: true, chromaSubsampling: '4:4:4' }), 3],
    ['GIF', (s: Sharp) => s.gif(), 8],
    ['PNG with a palette', (s: Sharp) => s.png({ palette: true, colours: 4 }), 8],
    ['16-bit PNG', (s: Sharp) => s.toColourspace('rgb16').png(), 1],
    ['16-bit TIFF', (s: Sharp) => s.toColourspace('rgb16').tiff({ compression: 'lzw' }), 1],
  ])('%s', async (_, encode, tolerance) => {
    expectColours(await readPicture(await encode(quarters(FOUR)).toBuffer(), PLAIN), FOUR, tolerance);
  });

  it('a CMYK JPEG', async () => {
    const cmyk = await quarters(FOUR).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const values = await readPicture(cmyk, PLAIN);
    // Printing inks cannot show these colours exactly; each stays nearest to itself.
    FOUR.forEach((_, q) => {
      const found = colourAt(values, q as 0 | 1 | 2 | 3);
      const far = FOUR.map((colour) => Math.hypot(...found.map((v, c) => v - colour[c]!)));
      expect(far.indexOf(Math.min(...far)), `quarter ${q} is ${found}`).toBe(q);
    });
    expect(Math.min(...colourAt(values, 3))).toBeGreaterThan(235);
  });

  it('16 bits are scaled and not clipped, grey ones too', async () => {
    const grey = Uint16Array.from([0, 0x4000, 0x8000, 0xffff]);
    const raw = { raw: { width: 2, height: 2, channels: 1 as const } };
    const png = await sharp(grey, raw).toColourspace('grey16').png().toBuffer();
    expect(await sharp(png).metadata()).toMatchObject({ depth: 'ushort', channels: 1 });
    const values = await readPicture(png, { ...PLAIN, width: 2, height: 2 });
    expect([...values]).toEqual([0, 64, 128, 255, 0, 64, 128, 255, 0, 64, 128, 255]);
  });

  it('greyscale has three equal channels', async () => {
    const png = await quarters(FOUR).greyscale().toColourspace('b-w').png().toBuffer();
    expect((await sharp(png).metadata()).channels).toBe(1);
    const [r, g, b] = colourAt(await readPicture(png, PLAIN), 1);
    expect(r).toBeGreaterThan(100);
    expect([g, b]).toEqual([r, r]);
  });

  it.each([
    ['8-bit', Uint8Array, 1, 'srgb'],
    ['16-bit', Uint16Array, 257, 'rgb16'],
  ] as const)('transparent parts of a %s picture lie on the mean colour', async (_, Values, scale, space) => {
    const alphas = [0, 128, 255, 255];
    const values = new Values(64 * 64 * 4);
    for (let p = 0; p < 64 * 64; p++) {
      const quarter = (p < 32 * 64 ? 0 : 2) + (p % 64 < 32 ? 0 : 1);
      values.set(
        [...FOUR[quarter]!, alphas[quarter]!].map((v) => v * scale),
        p * 4,
      );
    }
    const png = await sharp(values, { raw: { width: 64, height: 64, channels: 4 } })
      .toColourspace(space)
      .png()
      .toBuffer();
    const depth = scale === 1 ? 'uchar' : 'ushort';
    expect(await sharp(png).metadata()).toMatchObject({ hasAlpha: true, depth });
    const read = await readPicture(png, GREY_BEHIND);
    const half = GREEN.map((v) => ((v - 100) * 128) / 255) as unknown as Rgb;
    const shown = [BLUE, WHITE].map((colour) => colour.map((v) => v - 100) as unknown as Rgb);
    expectColours(read, [[0, 0, 0], half, ...shown], 1);
  });

  it('greyscale with alpha', async () => {
    const pixels = Buffer.from([10, 0, 200, 255]);
    const png = await sharp(pixels, { raw: { width: 2, height: 1, channels: 2 } })
      .png()
      .toBuffer();
    const values = await readPicture(png, { ...GREY_BEHIND, width: 2, height: 1 });
    expect([...values]).toEqual([0, 100, 0, 100, 0, 100]);
  });

  it.each([
    [1, [0, 1, 2, 3]],
    [2, [1, 0, 3, 2]],
    [3, [3, 2, 1, 0]],
    [4, [2, 3, 0, 1]],
    [5, [0, 2, 1, 3]],
    [6, [2, 0, 3, 1]],
    [7, [3, 1, 2, 0]],
    [8, [1, 3, 0, 2]],
  ] as const)('EXIF orientation %i is turned upright', async (orientation, order) => {
    const jpeg = await quarters(FOUR, 96, 48)
      .withMetadata({ orientation })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const expected = order.map((quarter) => FOUR[quarter]);
    expectColours(await readPicture(jpeg, PLAIN), expected, 3);
  });

  it('of an animation the first frame', async () => {
    const frames = [RED, BLUE].map((c) => Buffer.concat(Array(64).fill(Buffer.from(c))));
    const strip = sharp(Buffer.concat(frames), { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } });
    for (const animation of [
      await strip.clone().gif().toBuffer(),
      await strip.clone().webp({ lossless: true }).toBuffer(),
    ]) {
      expect((await sharp(animation).metadata()).pages).toBe(2);
      expectColours(await readPicture(animation, PLAIN), [RED, RED, RED, RED], 8);
    }
  });

  it('applies an ICC profile', async () => {
    const wide = await quarters(FOUR).withIccProfile('p3').png().toBuffer();
    expect((await sharp(wide).metadata()).hasProfile).toBe(true);
    const stored = await sharp(wide, { ignoreIcc: true }).raw().toBuffer();
    // Display P3 holds these colours with other numbers; read back they are the colours again.
    expect(Math.abs(stored[0]! - RED[0])).toBeGreaterThan(5);
    expectColours(await readPicture(wide, PLAIN), FOUR, 4);
  });

  it('a picture of one pixel', async () => {
    const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#c86432' } })
      .png()
      .toBuffer();
    const values = await readPicture(png, PLAIN);
    expect(new Set(values)).toEqual(new Set([200, 100, 50]));
    expect(colourAt(values, 3)).toEqual([200, 100, 50]);
  });

  it('a very wide and flat picture', async () => {
    const png = await quarters(FOUR, 10_000, 2).png().toBuffer();
    const values = await readPicture(png, PLAIN);
    expectColours(values, FOUR, 25);
  });

  it('a file whose name has the wrong ending', async () => {
    const file = scratch.path('photo.jpg');
    writeFileSync(file, await quarters(FOUR).png().toBuffer());
    expectColours(await readPicture(file, PLAIN), FOUR, 0);
  });

  it('stretches without keeping the aspect ratio, and normalizes into a part of a batch', async () => {
    const png = await quarters(FOUR, 200, 40).png().toBuffer();
    const spec = { ...PLAIN, mean: [127, 100, 50], std: [128, 64, 32] };
    const size = 3 * SIDE * SIDE;
    const batch = new Float32Array(3 * size).fill(-9);
    expect(await readPicture(png, spec, batch, size)).toBe(batch);
    expect(new Set([...batch.subarray(0, size), ...batch.subarray(2 * size)])).toEqual(new Set([-9]));
    const own = batch.subarray(size, 2 * size);
    const normalized = FOUR.map((c) => c.map((v, i) => Math.fround((v - spec.mean[i]!) / spec.std[i]!)));
    expectColours(own, normalized as unknown as Rgb[], 0);
    await expect(readPicture(png, spec, batch, 2 * size + 1)).rejects.toThrow(RangeError);
  });
});

describe('resizing', () => {
  // The file has what Pillow 13.0's resize((8, 8), BICUBIC) makes of these waves in each size.
  const waves = (x: number, y: number) =>
    Math.floor(127.5 + 70 * Math.sin(6 * Math.PI * x + 1) + 50 * Math.cos(4 * Math.PI * y));

  it.each(pil)('of $width x $height pixels is as PIL does it', async ({ width, height, tolerance, rows }) => {
    const data = Buffer.alloc(width * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) data[y * width + x] = waves(x / width, y / height);
    }
    const png = await sharp(data, { raw: { width, height, channels: 1 } })
      .png()
      .toBuffer();
    const values = await readPicture(png, { ...PLAIN, width: 8, height: 8 });
    const worst = Math.max(...rows.flat().map((v, i) => Math.abs(v - values[i]!)));
    expect(worst).toBeLessThanOrEqual(tolerance);
  });
});

describe('what is not read, with its reason', () => {
  it('an empty file, an empty buffer', async () => {
    const file = scratch.path('empty.png');
    writeFileSync(file, '');
    expect(await reasonOf(file)).toBe('it is empty');
    expect(await reasonOf(Buffer.alloc(0))).toBe('it is empty');
  });

  it.each([
    ['it is text, a drawing or a web page', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['it is text, a drawing or a web page', 'hello, I am not a picture'],
    ['it is a PDF document', '%PDF-1.7\n'],
    ['it is a BMP picture', 'BM\x00\x00\x00\x00'],
    ['it is a HEIC picture', '\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1'],
    ['it is a movie', '\x00\x00\x00\x18ftypisom\x00\x00\x00\x00'],
    ['it is no picture', '\x01\x02\x03\x04'],
  ])('%s', async (reason, start) => {
    const text = await reasonOf(Buffer.from(start, 'latin1'));
    expect(text).toBe(`${reason}; JPEG, PNG, TIFF, WebP, GIF, AVIF are read`);
  });

  it('a folder, a missing file, a device', async () => {
    mkdirSync(scratch.path('folder.png'));
    expect(await reasonOf(scratch.path('folder.png'))).toBe('it is a folder');
    expect(await reasonOf(scratch.path('missing.png'))).toBe('it does not exist');
    expect(await reasonOf('/dev/null')).toBe('it is not a regular file');
  });

  it('names the file where it was given one', async () => {
    const file = scratch.path('a.png');
    writeFileSync(file, 'nonsense');
    await expect(readPicture(file, PLAIN)).rejects.toThrow(`${file} cannot be read: it is text`);
    await expect(readPicture(Buffer.from('nonsense'), PLAIN)).rejects.toThrow(
      /^the picture cannot be read: /,
    );
  });

  it('a file without permission', async () => {
    const file = scratch.path('secret.png');
    writeFileSync(file, await quarters(FOUR).png().toBuffer());
    chmodSync(scratch.path(), 0o755);
    chmodSync(file, 0o000);
    if (process.getuid?.() !== 0) {
      expect(await reasonOf(file)).toBe('no permission');
      return;
    }
    // The administrator may read everything: ask as nobody, in a process of its own.
    const program = fileURLToPath(new URL('read-as-nobody.ts', import.meta.url));
    const child = spawnTypeScript(program, [file]);
    expect(await child.ended, child.output()).toBe(0);
    expect(child.output()).toBe('no permission\n');
  });

  it.each([
    ['PNG', (s: Sharp) => s.png()],
    ['JPEG', (s: Sharp) => s.jpeg()],
    ['WebP', (s: Sharp) => s.webp()],
    ['GIF', (s: Sharp) => s.gif()],
    ['TIFF', (s: Sharp) => s.tiff({ compression: 'lzw' })],
    ['AVIF', (s: Sharp) => s.avif()],
  ])('a %s that is cut short anywhere', async (name, encode) => {
    const whole = await encode(noise(64)).toBuffer();
    for (const share of [0.1, 0.3, 0.6, 0.9]) {
      const part = whole.subarray(0, Math.max(16, Math.floor(whole.length * share)));
      expect(await reasonOf(part), `${share} of a ${name}`).toContain(
        `its ${name} data are broken or cut short`,
      );
    }
  });

  it('more pixels than are safe', async () => {
    const bomb = await sharp({ create: { width: 16_000, height: 5000, channels: 3, background: 'red' } })
      .png({ compressionLevel: 9 })
      .toBuffer();
    expect(bomb.length).toBeLessThan(500_000);
    expect(await reasonOf(bomb)).toBe('it has more than 64 megapixels, too many for PNG');
  });

  it('bytes changed at random never do anything but fail so, or give a whole input', async () => {
    const whole = await Promise.all([
      noise(24).png().toBuffer(),
      noise(24).jpeg().toBuffer(),
      noise(24).webp().toBuffer(),
      noise(24).gif().toBuffer(),
    ]);
    const change = fc.record({ at: fc.nat(), to: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...whole),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        async (bytes, changes) => {
          const broken = Buffer.from(bytes);
          for (const { at, to } of changes) broken[at % broken.length] = to;
          const result = await readPicture(broken, PLAIN).catch((e: unknown) => e);
          if (result instanceof Float32Array) expect(result.every((v) => v >= 0 && v <= 255)).toBe(true);
          else expect(result).toBeInstanceOf(UnreadablePicture);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});
