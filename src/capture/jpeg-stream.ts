const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const FIRST_CAPACITY = 256 * 1024;
/** What may stand between two pictures without being remarked on: the head of a part of multipart/x-mixed-replace. */
const MAX_HEAD = 1024;

/** Where the parser stands in a picture: at a marker, or in the entropy-coded data that follow a scan's header. */
type Place = 'marker' | 'scan';

/**
 * Splits a stream of JPEG pictures, one after the other, into whole ones. Segments are walked by their lengths
 * (ISO/IEC 10918-1, annex B), so a thumbnail inside an APPn segment neither begins nor ends a picture. What stands
 * between pictures is passed over, and after garbage the next start of an image is looked for. A picture over the cap
 * is dropped, and never more than the cap is held.
 */
export class JpegSplitter {
  private readonly maxBytes: number;
  private readonly onPicture: (bytes: Buffer) => void;
  private readonly onBad: (reason: string) => void;
  private held = Buffer.allocUnsafe(FIRST_CAPACITY);
  /** Bytes of `held` that are filled; a picture that has begun begins at 0. */
  private length = 0;
  /** Where the walk goes on. */
  private at = 0;
  private place: Place | undefined;
  /** Bytes passed over since the last picture. */
  private passedOver = 0;

  constructor(options: {
    /** Most bytes of a picture. */
    maxBytes: number;
    onPicture: (bytes: Buffer) => void;
    onBad: (reason: string) => void;
  }) {
    this.maxBytes = options.maxBytes;
    this.onPicture = options.onPicture;
    this.onBad = options.onBad;
  }

  /** Takes what came next of the stream. */
  push(chunk: Uint8Array): void {
    // In parts, so that one chunk of any size holds no more than the cap.
    for (let from = 0; from < chunk.length; from += FIRST_CAPACITY) {
      this.append(chunk.subarray(from, from + FIRST_CAPACITY));
      while (this.step());
      if (this.place !== undefined && this.length > this.maxBytes) {
        this.onBad(`a picture of more than ${this.maxBytes} bytes`);
        // Its rest is passed over without a further complaint.
        this.passedOver = MAX_HEAD + 1;
        this.startOver(this.length);
      }
    }
  }

  /** The stream ended; what is held of a picture is cut short. */
  end(): void {
    if (this.place !== undefined) this.onBad('a picture that the stream ended in');
    this.startOver(this.length);
    this.passedOver = 0;
  }

  private append(part: Uint8Array): void {
    const needed = this.length + part.length;
    if (needed > this.held.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.held.length));
      this.held.copy(larger, 0, 0, this.length);
      this.held = larger;
    }
    this.held.set(part, this.length);
    this.length = needed;
  }

  /** Goes on by one marker, scan or start; false where more bytes are needed. */
  private step(): boolean {
    if (this.place === undefined) return this.findStart();
    return this.place === 'scan' ? this.walkScan() : this.walkSegment();
  }

  private findStart(): boolean {
    const start = this.indexOfStart();
    // The last two bytes may be the first two of a start.
    const upTo = start === -1 ? Math.max(0, this.length - 2) : start;
    const before = this.passedOver;
    this.passedOver += upTo;
    if (before <= MAX_HEAD && this.passedOver > MAX_HEAD) this.onBad('bytes that are no JPEG picture');
    this.startOver(upTo);
    if (start === -1) return false;
    this.place = 'marker';
    this.at = 2;
    return true;
  }

  private indexOfStart(): number {
    for (let from = 0; ; ) {
      const found = this.indexOf(0xff, from);
      if (found === -1 || found + 2 >= this.length) return -1;
      if (this.held[found + 1] === SOI && this.held[found + 2] === 0xff) return found;
      from = found + 1;
    }
  }

  private walkSegment(): boolean {
    if (this.at + 2 > this.length) return false;
    if (this.held[this.at] !== 0xff) return this.broken(this.at);
    const marker = this.held[this.at + 1]!;
    if (marker === 0xff) {
      // A fill byte.
      this.at += 1;
      return true;
    }
    if (marker === EOI) return this.whole(this.at + 2);
    if (marker === SOI) return this.broken(this.at);
    if (isAlone(marker)) {
      this.at += 2;
      return true;
    }
    if (marker === 0) return this.broken(this.at);
    if (this.at + 4 > this.length) return false;
    const size = this.held.readUInt16BE(this.at + 2);
    if (size < 2) return this.broken(this.at);
    const next = this.at + 2 + size;
    // A segment is 64 KiB at most, so waiting for it is bounded.
    if (next > this.length) return false;
    this.at = next;
    this.place = marker === SOS ? 'scan' : 'marker';
    return true;
  }

  private walkScan(): boolean {
    const found = this.indexOf(0xff, this.at);
    if (found === -1) {
      this.at = this.length;
      return false;
    }
    this.at = found;
    if (found + 1 >= this.length) return false;
    const marker = this.held[found + 1]!;
    if (marker === 0 || (isAlone(marker) && marker !== SOI && marker !== EOI)) this.at += 2;
    else if (marker === 0xff) this.at += 1;
    else this.place = 'marker';
    return true;
  }

  private whole(end: number): boolean {
    const picture = Buffer.from(this.held.subarray(0, end));
    this.passedOver = 0;
    this.startOver(end);
    this.onPicture(picture);
    return true;
  }

  /** What began at 0 is no whole picture; the search goes on where that was seen, or there begins another. */
  private broken(at: number): boolean {
    this.onBad('a picture that is broken or cut short');
    // It was complained of already.
    this.passedOver = MAX_HEAD + 1;
    this.startOver(at);
    return true;
  }

  /** Drops the first bytes and looks for a start. */
  private startOver(drop: number): void {
    this.held.copyWithin(0, drop, this.length);
    this.length -= drop;
    this.at = 0;
    this.place = undefined;
  }

  private indexOf(byte: number, from: number): number {
    const found = this.held.indexOf(byte, from);
    return found < this.length ? found : -1;
  }
}

/** Markers without a segment: TEM, RST0 to RST7, SOI, EOI. */
function isAlone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd9);
}
