import sharp from 'sharp';
import { LichenError, messageOf } from '../errors.js';
import { plainJpeg } from './plain-jpeg.js';

/** Longest side of a picture that is shown large, and of a thumbnail; pixels. */
const LARGE = 640;
const SMALL = 112;
/** A larger file is made anew: it goes over the network, and to the disk where it is asked about. */
const PLAIN_BYTES = 64 * 1024;

/** A picture as it is shown: a JPEG, upright, at most 640 pixels wide and high. @throws LichenError `picture-unreadable` */
export async function shownPicture(bytes: Uint8Array): Promise<Buffer> {
  const plain = bytes.length <= PLAIN_BYTES ? plainJpeg(bytes, LARGE) : undefined;
  return plain ?? smallJpeg(bytes, LARGE, 80);
}

/** A thumbnail: a JPEG of about 3 kB. @throws LichenError `picture-unreadable` */
export const thumbnail = (bytes: Uint8Array): Promise<Buffer> => smallJpeg(bytes, SMALL, 70);

/**
 * A picture as it is shown: small, turned upright, and without what a camera writes into its files, such as where it stood.
 * @param side most pixels of a side
 * @throws LichenError `picture-unreadable`
 */
export async function smallJpeg(bytes: Uint8Array, side: number, quality: number): Promise<Buffer> {
  try {
    return await sharp(bytes)
      .rotate()
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .jpeg({ quality })
      .toBuffer();
  } catch (error) {
    throw new LichenError('picture-unreadable', `the picture cannot be shown: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
