import { smallJpeg } from '../label/shown.js';

/** Most pixels of a side, and JPEG's quality. */
const SIDE = 320;
const QUALITY = 70;

/** A picture as it is shown elsewhere. @throws LichenError `picture-unreadable` */
export const shownPicture = (bytes: Buffer): Promise<Buffer> => smallJpeg(bytes, SIDE, QUALITY);

/**
 * The last picture of each source, published when it is new and at most so often. While one has to wait, newer ones take
 * its place.
 */
export class ShownPictures {
  private readonly publish: (source: string, jpeg: Buffer) => void;
  private readonly failed: (error: unknown) => void;
  private readonly every: number;
  private readonly sources = new Map<
    string,
    { newest?: Buffer | undefined; timer?: NodeJS.Timeout | undefined }
  >();
  private stopped = false;

  /** @param every least time between two pictures of a source; milliseconds */
  constructor(
    publish: (source: string, jpeg: Buffer) => void,
    failed: (error: unknown) => void,
    every = 2000,
  ) {
    this.publish = publish;
    this.failed = failed;
    this.every = every;
  }

  show(source: string, bytes: Buffer): void {
    if (this.stopped) return;
    const own = this.sources.get(source) ?? {};
    this.sources.set(source, own);
    own.newest = bytes;
    if (!own.timer) this.next(source, own);
  }

  stop(): void {
    this.stopped = true;
    for (const { timer } of this.sources.values()) clearTimeout(timer);
  }

  private next(
    source: string,
    own: { newest?: Buffer | undefined; timer?: NodeJS.Timeout | undefined },
  ): void {
    const { newest } = own;
    own.newest = undefined;
    own.timer = undefined;
    if (!newest || this.stopped) return;
    own.timer = setTimeout(() => this.next(source, own), this.every);
    shownPicture(newest).then((jpeg) => {
      if (!this.stopped) this.publish(source, jpeg);
    }, this.failed);
  }
}
