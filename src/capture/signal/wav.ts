import { LichenError } from '../../errors.js';

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const MOST_CHANNELS = 64;
const RATES = { least: 1000, most: 192_000 };

/** How one value is written, and what full scale is. */
type Reader = (bytes: Buffer, at: number) => number;
const READERS: Readonly<Record<string, Reader>> = {
  [`${PCM}/8`]: (b, at) => (b.readUInt8(at) - 128) / 128,
  [`${PCM}/16`]: (b, at) => b.readInt16LE(at) / 2 ** 15,
  [`${PCM}/24`]: (b, at) => b.readIntLE(at, 3) / 2 ** 23,
  [`${PCM}/32`]: (b, at) => b.readInt32LE(at) / 2 ** 31,
  [`${FLOAT}/32`]: (b, at) => b.readFloatLE(at),
  [`${FLOAT}/64`]: (b, at) => b.readDoubleLE(at),
};

/**
 * A WAV file (Microsoft, 'Multimedia Programming Interface and Data Specifications 1.0', 1991; 'Multiple channel audio
 * data and WAVE files', 2001): integers of 8 to 32 bits and floating point numbers. Values are read when they are asked
 * for, so that a long recording takes no more memory than its file.
 */
export class WavFile {
  /** Samples a second. */
  readonly rate: number;
  readonly channels: number;
  /** Samples of each channel. */
  readonly length: number;
  private readonly data: Buffer;
  private readonly width: number;
  private readonly read: Reader;

  /** @throws LichenError `wav-malformed` for what is no WAV file, `wav-unsupported` for one that is written otherwise */
  constructor(bytes: Buffer) {
    const { fmt, data } = chunksOf(bytes);
    const tag = fmt.readUInt16LE(0);
    // Of the extensible form, the format is the beginning of an identifier behind the rest.
    const format = tag === EXTENSIBLE && fmt.length >= 26 ? fmt.readUInt16LE(24) : tag;
    const bits = fmt.readUInt16LE(14);
    const read = READERS[`${format}/${bits}`];
    if (!read) {
      throw new LichenError(
        'wav-unsupported',
        `its samples are of format ${format} with ${bits} bits; expected integers of 8, 16, 24 or 32 bits or floating point numbers, as \`ffmpeg -i in -c:a pcm_s16le out.wav\` writes`,
      );
    }
    this.read = read;
    this.width = bits / 8;
    this.channels = fmt.readUInt16LE(2);
    this.rate = fmt.readUInt32LE(4);
    if (this.channels < 1 || this.channels > MOST_CHANNELS) {
      throw malformed(`it has ${this.channels} channels; expected 1 to ${MOST_CHANNELS}`);
    }
    if (this.rate < RATES.least || this.rate > RATES.most) {
      throw malformed(`it has ${this.rate} samples a second; expected ${RATES.least} to ${RATES.most}`);
    }
    this.data = data;
    this.length = Math.floor(data.length / (this.width * this.channels));
    if (this.length === 0) throw malformed('it has no samples');
  }

  /**
   * The mean of all channels, full scale between -1 and 1.
   * @param from first sample
   * @param count how many; those behind the end are 0
   */
  samples(from: number, count: number): Float32Array {
    const { channels, width, data } = this;
    const out = new Float32Array(count);
    const there = Math.min(count, this.length - from);
    for (let i = 0; i < there; i++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += this.read(data, ((from + i) * channels + c) * width);
      // Files of floating point numbers may hold anything.
      out[i] = Number.isFinite(sum) ? Math.max(-1, Math.min(1, sum / channels)) : 0;
    }
    return out;
  }
}

/** The two chunks that count. A file that was cut short, or written to a pipe, says that it is longer than it is. */
function chunksOf(bytes: Buffer): { fmt: Buffer; data: Buffer } {
  if (
    bytes.length < 12 ||
    bytes.toString('latin1', 0, 4) !== 'RIFF' ||
    bytes.toString('latin1', 8, 12) !== 'WAVE'
  ) {
    throw malformed('it does not begin as one');
  }
  let fmt: Buffer | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const body = bytes.subarray(at + 8, at + 8 + size);
    if (name === 'fmt ' && body.length >= 16) fmt = body;
    if (name === 'data') {
      if (!fmt) break;
      return { fmt, data: body };
    }
    at += 8 + size + (size % 2);
  }
  throw malformed(fmt ? 'it has no samples' : 'it does not say how its samples are written');
}

const malformed = (why: string) => new LichenError('wav-malformed', `no usable WAV file: ${why}`);
