import { fromHalf, toHalf } from '../onnx/float16.js';
import { sizeOf } from '../onnx/model.js';

/** How latents are kept: as bytes with scales, or as they are (four times as large; for measuring). */
export type LatentEncoding = 'int8' | 'float32';

/**
 * The latent codec: a trunk output of shape [channels, positions] as one signed byte per value and one
 * half-precision scale per channel. Values are symmetric: value = byte * scale, bytes in -127..127.
 */
export interface LatentShape {
  channels: number;
  /** Product of the spatial dimensions; 1 for a vector. */
  positions: number;
  /** 'int8' where nothing is said. */
  encoding?: LatentEncoding;
}

/** How a latent of this shape, without the batch, is seen by the codec. A vector is one channel. */
export function latentLayout(shape: readonly number[], encoding?: LatentEncoding): LatentShape {
  const [channels, ...rest] = shape as [number, ...number[]];
  return rest.length === 0
    ? { channels: 1, positions: channels, encoding }
    : { channels, positions: sizeOf(rest), encoding };
}

/** Bytes of one encoded latent. */
export function latentBytes({ channels, positions, encoding }: LatentShape): number {
  if (encoding === 'float32') return 4 * channels * positions;
  return channels * (positions + 2);
}

/** Encodes one latent (channels * positions floats). A channel of zeros has scale 0. */
export function encodeLatent(values: Float32Array, shape: LatentShape): Uint8Array {
  const { channels, positions } = shape;
  if (shape.encoding === 'float32') return new Uint8Array(values.slice(0, channels * positions).buffer);
  const out = new Uint8Array(latentBytes({ channels, positions }));
  const bytes = new Int8Array(out.buffer);
  const wanted = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    let peak = 0;
    for (let p = c * positions; p < (c + 1) * positions; p++) peak = Math.max(peak, Math.abs(values[p]!));
    wanted[c] = Math.min(peak / 127, 65504);
  }
  const halves = toHalf(wanted);
  const scales = fromHalf(halves);
  for (let c = 0; c < channels; c++) {
    const inverse = scales[c]! > 0 ? 1 / scales[c]! : 0;
    for (let p = c * positions; p < (c + 1) * positions; p++) {
      bytes[p] = Math.max(-127, Math.min(127, Math.round(values[p]! * inverse)));
    }
  }
  out.set(new Uint8Array(halves.buffer), channels * positions);
  return out;
}

/** Decodes one latent into `into` at `offset` (in floats). */
export function decodeLatent(
  bytes: Uint8Array,
  shape: LatentShape,
  into: Float32Array = new Float32Array(shape.channels * shape.positions),
  offset = 0,
): Float32Array {
  const { channels, positions } = shape;
  const expected = latentBytes(shape);
  if (bytes.length !== expected) throw new RangeError(`a latent has ${expected} bytes, got ${bytes.length}`);
  if (shape.encoding === 'float32') {
    // A copy, which a Buffer's own `slice` is not.
    into.set(new Float32Array(new Uint8Array(bytes).buffer), offset);
    return into;
  }
  const values = new Int8Array(bytes.buffer, bytes.byteOffset, channels * positions);
  const halves = new Uint16Array(new Uint8Array(bytes.subarray(channels * positions)).buffer);
  const scales = fromHalf(halves);
  for (let c = 0; c < channels; c++) {
    const s = scales[c]!;
    for (let p = c * positions; p < (c + 1) * positions; p++) into[offset + p] = values[p]! * s;
  }
  return into;
}
