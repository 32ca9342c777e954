/** How samples are written: 16-bit integers, 32-bit floating point numbers (both little-endian), or JSON. */
export const FORMATS = ['s16le', 'f32le', 'json'] as const;
export type SampleFormat = (typeof FORMATS)[number];

const BYTES = { s16le: 2, f32le: 4 } as const;

/** Reads samples out of a stream of bytes that may be cut anywhere. */
export class SampleReader {
  private readonly format: keyof typeof BYTES;
  private readonly channels: number;
  private rest: Buffer = Buffer.alloc(0);

  constructor(format: keyof typeof BYTES, channels: number) {
    this.format = format;
    this.channels = channels;
  }

  /** The values of the whole samples that are there by now, interleaved. */
  push(chunk: Buffer): Float32Array {
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    const size = BYTES[this.format];
    const whole = bytes.length - (bytes.length % (size * this.channels));
    this.rest = Buffer.from(bytes.subarray(whole));
    return valuesOf(bytes.subarray(0, whole), this.format);
  }

  /** Forgets the part of a sample that it has: another stream begins. */
  reset(): void {
    this.rest = Buffer.alloc(0);
  }
}

/**
 * The values of a message: 16-bit ones between -1 and 1, others as they are.
 * @throws Error saying what is wrong with it
 */
export function readMessage(payload: Buffer, format: SampleFormat, channels: number): Float32Array {
  const values = format === 'json' ? fromJson(payload) : fromBytes(payload, format);
  if (values.length % channels !== 0) {
    throw new Error(`${values.length} values are no whole samples of ${channels} channels`);
  }
  return values;
}

function fromBytes(payload: Buffer, format: keyof typeof BYTES): Float32Array {
  if (payload.length % BYTES[format] !== 0)
    throw new Error(`${payload.length} bytes are no whole values of ${format}`);
  return valuesOf(payload, format);
}

/** Numbers in a list, or lists of one number a channel. */
function fromJson(payload: Buffer): Float32Array {
  const parsed: unknown = JSON.parse(payload.toString('utf8'));
  const list = (Array.isArray(parsed) ? parsed : [parsed]).flat();
  if (!list.every((v) => typeof v === 'number')) throw new Error('expected a list of numbers');
  return Float32Array.from(list);
}

function valuesOf(bytes: Buffer, format: keyof typeof BYTES): Float32Array {
  const values = new Float32Array(bytes.length / BYTES[format]);
  for (let i = 0; i < values.length; i++) {
    const value = format === 's16le' ? bytes.readInt16LE(2 * i) / 32_768 : bytes.readFloatLE(4 * i);
    // A sensor's NaN would spoil the mean for good.
    values[i] = Number.isFinite(value) ? value : 0;
  }
  return values;
}
