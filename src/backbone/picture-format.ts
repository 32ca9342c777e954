/** A format that is read, and the most pixels that its decoder may be given. */
export interface PictureFormat {
  name: string;
  maxPixels: number;
}

/** Whether a file begins so; `start` has its first bytes, a character each. */
type Begins = (start: string) => boolean;

/** Decoded row by row, or (progressive, interlaced) with about 3 bytes a pixel. */
const BY_ROWS = 64e6;
/** These decoders hold the whole picture, in up to 8 bytes a pixel. */
const WHOLE = 16e6;

const READ: readonly (PictureFormat & { begins: Begins })[] = [
  { name: 'JPEG', begins: (s) => s.startsWith('\xff\xd8\xff'), maxPixels: BY_ROWS },
  { name: 'PNG', begins: (s) => s.startsWith('\x89PNG\r\n\x1a\n'), maxPixels: BY_ROWS },
  { name: 'TIFF', begins: (s) => /^(II[*+]|MM.[*+])/s.test(s), maxPixels: BY_ROWS },
  { name: 'WebP', begins: (s) => s.startsWith('RIFF') && s.startsWith('WEBP', 8), maxPixels: WHOLE },
  { name: 'GIF', begins: (s) => /^GIF8[79]a/.test(s), maxPixels: WHOLE },
  { name: 'AVIF', begins: (s) => s.startsWith('ftyp', 4) && /avi[fs]/.test(s), maxPixels: WHOLE },
];

/**
 * What people put among their pictures, so that the reason can name it. Drawings and documents are refused on
 * purpose: they can refer to other files.
 */
const NOT_READ: readonly { name: string; begins: Begins }[] = [
  { name: 'a HEIC picture', begins: (s) => /^ftyp(hei|hev|mif1|msf1)/.test(s.slice(4)) },
  { name: 'a movie', begins: (s) => s.startsWith('ftyp', 4) || s.startsWith('\x1a\x45\xdf\xa3') },
  { name: 'a movie', begins: (s) => s.startsWith('RIFF') && s.startsWith('AVI ', 8) },
  { name: 'a BMP picture', begins: (s) => s.startsWith('BM') },
  { name: 'a PDF document', begins: (s) => s.startsWith('%PDF') },
  { name: 'text, a drawing or a web page', begins: (s) => /^(\xef\xbb\xbf)?\s*[<{[\w#]/.test(s) },
];

/** The format of a file by its first bytes; names are not trusted. Undefined for what is not read. */
export function formatOf(bytes: Uint8Array): PictureFormat | undefined {
  const start = startOf(bytes);
  return READ.find((f) => f.begins(start));
}

/** Says what a file that is not read seems to be, and what is read. */
export function describeUnread(bytes: Uint8Array): string {
  const start = startOf(bytes);
  const seems = NOT_READ.find((f) => f.begins(start))?.name ?? 'no picture';
  return `it is ${seems}; ${READ.map((f) => f.name).join(', ')} are read`;
}

function startOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1');
}
