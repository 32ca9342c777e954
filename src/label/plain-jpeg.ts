/** Markers of JPEG (ITU-T T.81, table B.1). */
const START_OF_SCAN = 0xda;
const COMMENT = 0xfe;
const APP0 = 0xe0;
const APP15 = 0xef;
/** Adobe's, which says how colours are meant. */
const APP14 = 0xee;
/** Frames that every browser shows: baseline, extended and progressive. */
const FRAMES = [0xc0, 0xc1, 0xc2];
/** Frames that not every one does: lossless, differential, arithmetic. */
const OTHER_FRAMES = [0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf];
const JFIF = Buffer.from('JFIF\0');
/** Of a JFIF segment without its thumbnail: marker, length, name, version, density, size of the thumbnail. */
const JFIF_LENGTH = 18;

/**
 * A JPEG as it is, without its comments, where that is all that is to be left out of it to show it: it is small enough, upright,
 * and what a camera writes into its files (EXIF, XMP, colour profiles, previews) is not in it. A camera's program gives such
 * ones, and to decode and encode one takes longer than the network.
 * @param side most pixels of a side
 * @returns undefined where it is none, or not such a one
 */
export function plainJpeg(bytes: Uint8Array, side: number): Buffer | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return undefined;
  const kept: Buffer[] = [file.subarray(0, 2)];
  let small = false;
  for (let at = 2; at + 4 <= file.length; ) {
    const marker = file[at + 1]!;
    const end = at + 2 + file.readUInt16BE(at + 2);
    if (file[at] !== 0xff || end > file.length || OTHER_FRAMES.includes(marker)) return undefined;
    const segment = file.subarray(at, end);
    if (marker === START_OF_SCAN) return small ? wholeScans(file, at, kept) : undefined;
    if (FRAMES.includes(marker)) small = isSmall(segment, side);
    if (isForeign(marker, segment)) return undefined;
    if (marker !== COMMENT) kept.push(segment);
    at = end;
  }
  return undefined;
}

/** What a program other than the encoder wrote, or a thumbnail. */
function isForeign(marker: number, segment: Buffer): boolean {
  if (marker < APP0 || marker > APP15 || marker === APP14) return false;
  const plain = marker === APP0 && segment.length === JFIF_LENGTH && segment.indexOf(JFIF) === 4;
  return !plain;
}

/** Of a frame's segment: marker, length, bits, height, width. A height of 0 comes after the first scan. */
function isSmall(frame: Buffer, side: number): boolean {
  if (frame.length < 9) return false;
  const [height, width] = [frame.readUInt16BE(5), frame.readUInt16BE(7)];
  return height > 0 && width > 0 && height <= side && width <= side;
}

/** The file from its first scan on, if nothing but scans and their tables is there, and nothing is behind the end. */
function wholeScans(file: Buffer, from: number, kept: readonly Buffer[]): Buffer | undefined {
  for (
    let at = file.indexOf(0xff, from + 2);
    at >= 0 && at + 1 < file.length;
    at = file.indexOf(0xff, at + 2)
  ) {
    const marker = file[at + 1]!;
    if (marker === 0xd9)
      return at + 2 === file.length ? Buffer.concat([...kept, file.subarray(from)]) : undefined;
    if (marker === COMMENT || (marker >= APP0 && marker <= APP15)) return undefined;
  }
  return undefined;
}
