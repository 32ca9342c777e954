import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { JpegSplitter } from '../../src/capture/jpeg-stream.js';
import { scene, shot } from './scenes.js';

let pictures: Buffer[];

beforeAll(async () => {
  const withThumbnail = await sharp(await scene(0))
    .withMetadata()
    .jpeg()
    .toBuffer();
  pictures = [
    await shot('bag', 0),
    insertSegment(withThumbnail, 0xe1, Buffer.concat([Buffer.from('Exif\0\0'), await shot('bag', 1)])),
    await sharp(await scene(1))
      .jpeg({ progressive: true })
      .toBuffer(),
    await sharp(await scene(2))
      .jpeg({ quality: 100 })
      .toBuffer(),
    await sharp(await shot('sandal', 0))
      .jpeg({ optimiseCoding: false, trellisQuantisation: true })
      .toBuffer(),
  ];
});

/** A picture with one more segment after its start. */
function insertSegment(picture: Buffer, marker: number, content: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(0xff00 | marker, 0);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([picture.subarray(0, 2), head, content, picture.subarray(2)]);
}

function split(chunks: readonly Uint8Array[], maxBytes = 2 ** 20) {
  const found: Buffer[] = [];
  const bad: string[] = [];
  const splitter = new JpegSplitter({
    maxBytes,
    onPicture: (p) => found.push(p),
    onBad: (reason) => bad.push(reason),
  });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return { found, bad };
}

/** Bytes cut into chunks of these sizes, again and again. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0, i = 0; from < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return chunks;
}

describe('a stream of pictures', () => {
  it('is split into the same bytes, however it is cut: baseline, progressive, with a thumbnail inside', () => {
    const stream = Buffer.concat(pictures);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 6 }), (sizes) => {
        const { found, bad } = split(cut(stream, sizes));
        expect(bad).toEqual([]);
        expect(found.length).toBe(pictures.length);
        found.forEach((p, i) => {
          expect(p.equals(pictures[i]!)).toBe(true);
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('byte by byte, too', () => {
    const { found, bad } = split(cut(pictures[1]!, [1]));
    expect(bad).toEqual([]);
    expect(found).toHaveLength(1);
    expect(found[0]!.equals(pictures[1]!)).toBe(true);
  });

  it('with restart markers and fill bytes', async () => {
    // Fill bytes may stand before any marker (ISO/IEC 10918-1, B.1.1.2).
    const picture = pictures[0]!;
    const end = picture.length - 2;
    const filled = Buffer.concat([
      picture.subarray(0, end),
      Buffer.from([0xff, 0xff]),
      picture.subarray(end),
    ]);
    const scan = picture.indexOf(Buffer.from([0xff, 0xda]));
    const first = scan + 2 + picture.readUInt16BE(scan + 2);
    const restarts = Buffer.concat([
      picture.subarray(0, first),
      Buffer.from([0xff, 0xd0, 0xff, 0xd7]),
      picture.subarray(first),
    ]);
    const { found, bad } = split([Buffer.concat([filled, restarts])]);
    expect(bad).toEqual([]);
    expect(found.map((f) => f.length)).toEqual([filled.length, restarts.length]);
  });

  it('of a multipart answer, whose heads are passed over', () => {
    const head = Buffer.from('\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n');
    const { found, bad } = split(cut(Buffer.concat(pictures.flatMap((p) => [head, p])), [700]));
    expect(bad).toEqual([]);
    expect(found).toHaveLength(pictures.length);
  });
});

describe('what is no whole picture', () => {
  it('is told once, and the next whole one is found: cut short before the next', () => {
    const [a, b, c] = pictures as [Buffer, Buffer, Buffer];
    const { found, bad } = split(cut(Buffer.concat([a, b.subarray(0, b.length - 500), c]), [333]));
    expect(found.map((f) => f.length)).toEqual([a.length, c.length]);
    expect(bad).toEqual(['a picture that is broken or cut short']);
  });

  it('garbage between pictures', () => {
    const garbage = Buffer.alloc(50_000, 'no picture ');
    const [a, b] = pictures as [Buffer, Buffer];
    const { found, bad } = split(cut(Buffer.concat([garbage, a, garbage, garbage, b]), [4096]));
    expect(found.map((f) => f.length)).toEqual([a.length, b.length]);
    expect(bad).toEqual(['bytes that are no JPEG picture', 'bytes that are no JPEG picture']);
  });

  it('the last one, when the stream ends in it', () => {
    const { found, bad } = split([pictures[0]!.subarray(0, 900)]);
    expect(found).toEqual([]);
    expect(bad).toEqual(['a picture that the stream ended in']);
  });

  it('one over the cap; no more than the cap and a chunk is held of it', () => {
    const [a, b] = pictures as [Buffer, Buffer];
    const scan = a.indexOf(Buffer.from([0xff, 0xda]));
    const endless = Buffer.concat([a.subarray(0, scan + 200), Buffer.alloc(3_000_000, 7)]);
    const { found, bad } = split([endless, a, b], 500_000);
    expect(found.map((f) => f.length)).toEqual([a.length, b.length]);
    expect(bad).toEqual(['a picture of more than 500000 bytes']);
  });

  it('any bytes at all: it never throws, and finds a whole picture after enough else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.boolean(), (noise, begun) => {
        const start = begun ? [Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 16])] : [];
        // A false segment length may take a picture with it, 64 KiB at most.
        const after = [...Array(20).fill(pictures[0]!)];
        const { found } = split([...start, noise, ...after]);
        expect(found.some((f) => f.equals(pictures[0]!))).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
