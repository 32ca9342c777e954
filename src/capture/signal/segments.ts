export interface SegmentOptions {
  /** Samples a second. */
  rate: number;
  /** Values of a sample, interleaved. */
  channels: number;
  /** Samples of a segment. */
  length: number;
  /** Samples from the beginning of a segment to that of the next. */
  every: number;
  /** Segments begin only where it becomes louder by so many dB than it was. */
  onset?: number;
}

/** Loudness is looked at in blocks of this length, seconds. */
const BLOCK_SECONDS = 0.01;
/** How much of a segment comes before the onset, seconds. */
const LEAD_SECONDS = 0.1;
/** How fast the background follows what is heard between segments: up within a second, down within a tenth. */
const RISE = 0.01;
const FALL = 0.1;
/** No background is quieter, dB of full scale: a converter's last bit. */
const QUIETEST = -90;

/** Cuts a stream of samples into segments of one length: one after the other, or where something begins to be heard. */
export class Segments {
  private readonly options: SegmentOptions;
  private readonly onSegment: (channels: Float32Array[]) => void;
  private readonly block: number;
  /** Interleaved samples from the earliest that a segment may begin at. */
  private held: Float32Array;
  private count = 0;
  /** Where the next segment begins; undefined while nothing is heard. */
  private begin: number | undefined;
  /** Samples whose loudness was looked at. */
  private looked = 0;
  private background: number | undefined;

  /** @param onSegment given the samples of each channel */
  constructor(options: SegmentOptions, onSegment: (channels: Float32Array[]) => void) {
    this.options = options;
    this.onSegment = onSegment;
    this.block = Math.max(1, Math.round(BLOCK_SECONDS * options.rate));
    this.held = new Float32Array(2 * options.length * options.channels);
    if (options.onset === undefined) this.begin = 0;
  }

  /** Takes what came next; values between -1 and 1, interleaved, whole samples. */
  push(values: Float32Array): void {
    const { channels } = this.options;
    // In parts, so that what is held stays bounded however much comes at once.
    const part = this.options.length * channels;
    for (let from = 0; from < values.length; from += part) {
      this.append(values.subarray(from, from + part));
      while (this.step());
    }
  }

  private append(values: Float32Array): void {
    const { channels } = this.options;
    const needed = this.count * channels + values.length;
    if (needed > this.held.length) {
      const larger = new Float32Array(Math.max(needed, 2 * this.held.length));
      larger.set(this.held);
      this.held = larger;
    }
    this.held.set(values, this.count * channels);
    this.count += values.length / channels;
  }

  private step(): boolean {
    const { length, every, onset } = this.options;
    if (this.begin === undefined) return this.listen();
    if (this.begin + length > this.count) {
      this.drop(Math.min(this.begin, this.count));
      return false;
    }
    this.onSegment(this.cut(this.begin, length));
    if (onset === undefined) {
      this.begin += every;
      return true;
    }
    // What is as loud at its end as it was all along is the background from now on, as of a machine that was started.
    this.background = this.level(this.begin + length - this.block);
    this.looked = this.begin + Math.max(length, every);
    this.begin = undefined;
    return true;
  }

  /** Looks at the next block; false where more samples are needed. */
  private listen(): boolean {
    const lead = Math.round(LEAD_SECONDS * this.options.rate);
    if (this.looked + this.block > this.count) {
      this.drop(Math.max(0, Math.min(this.looked, this.count) - lead));
      return false;
    }
    const level = this.level(this.looked);
    this.background ??= level;
    if (level > this.background + this.options.onset!) this.begin = Math.max(0, this.looked - lead);
    else this.background += (level < this.background ? FALL : RISE) * (level - this.background);
    this.looked += this.block;
    return true;
  }

  /** Loudness of a block in dB of full scale. */
  private level(from: number): number {
    const { channels } = this.options;
    let sum = 0;
    const values = this.held.subarray(from * channels, (from + this.block) * channels);
    for (const v of values) sum += v * v;
    return Math.max(QUIETEST, 10 * Math.log10(sum / values.length + 1e-12));
  }

  private cut(from: number, length: number): Float32Array[] {
    const { channels } = this.options;
    return Array.from({ length: channels }, (_, c) =>
      Float32Array.from({ length }, (_, i) => this.held[(from + i) * channels + c]!),
    );
  }

  private drop(samples: number): void {
    if (samples <= 0) return;
    const { channels } = this.options;
    this.held.copyWithin(0, samples * channels, this.count * channels);
    this.count -= samples;
    this.looked -= samples;
    if (this.begin !== undefined) this.begin -= samples;
  }
}
