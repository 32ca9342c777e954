/** A format that is read, and the most pixels that its decoder may be given. */
export interface PictureFormat {
  name: string;
  maxPixels: number;
}

/** Decoded row by row, or (progressive, interlaced) with about 3 bytes a pixel. */
const BY_ROWS = 64e6;
/** These decoders hold the whole picture, in up to 8 bytes a pixel. */
const WHOLE = 16e6;

const READ: readonly (PictureFormat & { begins: RegExp })[] = [
  { name: 'JPEG', begins: /^\xff\xd8\xff/, maxPixels: BY_ROWS },
  { name: 'PNG', begins: /^\x89PNG\r\n\x1a\n/, maxPixels: BY_ROWS },
  { name: 'TIFF', begins: /^(II[*+]\0|MM\0[*+])/, maxPixels: BY_ROWS },
  { name: 'WebP', begins: /^RIFF[^]{4}WEBP/, maxPixels: WHOLE },
  { name: 'GIF', begins: /^GIF8[79]a/, maxPixels: WHOLE },
  { name: 'AVIF', begins: /^[^]{4}ftyp[^]{0,40}avi[fs]/, maxPixels: WHOLE },
];

/**
 * What people put among their pictures, so that the reason can name it. Drawings and documents are refused on
 * purpose: they can refer to other files.
 */
const NOT_READ: readonly { name: string; begins: RegExp }[] = [
  { name: 'a HEIC picture', begins: /^[^]{4}ftyp(hei|hev|mif1|msf1)/ },
  { name: 'a movie', begins: /^([^]{4}ftyp|\x1a\x45\xdf\xa3|RIFF[^]{4}AVI )/ },
  { name: 'a BMP picture', begins: /^BM/ },
  { name: 'a PDF document', begins: /^%PDF/ },
  { name: 'text, a drawing or a web page', begins: /^(\xef\xbb\xbf)?\s*[<{[\w#]/ },
];

/** The format of a file by its first bytes; names are not trusted. Undefined for what is not read. */
export function formatOf(bytes: Uint8Array): PictureFormat | undefined {
  const start = startOf(bytes);
  return READ.find((f) => f.begins.test(start));
}

/** Says what a file that is not read seems to be, and what is read. */
export function describeUnread(bytes: Uint8Array): string {
  const start = startOf(bytes);
  const seems = NOT_READ.find((f) => f.begins.test(start))?.name ?? 'no picture';
  return `it is ${seems}; ${READ.map((f) => f.name).join(', ')} are read`;
}

/** The first bytes, a character each. */
function startOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1');
}
