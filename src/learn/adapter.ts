import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { LichenError, messageOf } from '../errors.js';
import { fromHalf, toHalf } from '../onnx/float16.js';
import { sizeOf } from '../onnx/model.js';

/** How a tensor is kept: one bit, half or single precision per element. */
export type StoredType = 'bit' | 'half' | 'float';

export interface StoredTensor {
  type: StoredType;
  dims: readonly number[];
  /** Values as float32; those of a `bit` tensor are 0 or 1, those of a `half` tensor are exact in half precision. */
  data: Float32Array;
}

/** Named tensors in a fixed order. */
export type AdapterTensors = Map<string, StoredTensor>;

/** A linear layer on the features: logits = weight * features + bias. */
export interface Head {
  kind: 'discriminant' | 'softmax';
  classes: readonly string[];
  /** [classes, features], exact in half precision. */
  weight: Float32Array;
  bias: Float32Array;
  features: number;
}

/** Everything that one task learned. */
export interface Adapter {
  isolation: string;
  tensors: AdapterTensors;
  head: Head;
}

const MAGIC = Buffer.from('LICHENA1');
const MAX_PAYLOAD = 512 * 2 ** 20;

/** A tensor rounded to half precision. */
export function half(data: ArrayLike<number>, dims: readonly number[]): StoredTensor {
  return { type: 'half', dims, data: fromHalf(toHalf(data)) };
}

/** Encodes an adapter: a magic, a JSON header with names and shapes, and the compressed values. */
export function encodeAdapter(adapter: Adapter): Uint8Array {
  const all: AdapterTensors = new Map(adapter.tensors);
  const { head } = adapter;
  all.set('lichen:head.weight', {
    type: 'half',
    dims: [head.classes.length, head.features],
    data: head.weight,
  });
  all.set('lichen:head.bias', { type: 'float', dims: [head.classes.length], data: head.bias });
  const header = {
    isolation: adapter.isolation,
    head: { kind: head.kind, classes: head.classes },
    tensors: [...all].map(([name, t]) => ({ name, type: t.type, dims: t.dims })),
  };
  const payload = brotliCompressSync(Buffer.concat([...all.values()].map(packTensor)), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 22 },
  });
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return new Uint8Array(Buffer.concat([MAGIC, length, json, payload]));
}

/**
 * Decodes an adapter.
 * @throws LichenError `adapter-invalid`
 */
export function decodeAdapter(bytes: Uint8Array): Adapter {
  const invalid = (why: string) =>
    new LichenError('adapter-invalid', `the adapter cannot be decoded: ${why}`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.subarray(0, 8).equals(MAGIC)) throw invalid('it does not begin as an adapter does');
  if (buffer.length < 12) throw invalid('it is truncated');
  const start = 12 + buffer.readUInt32LE(8);
  if (start > buffer.length) throw invalid('it is truncated');
  try {
    const header = JSON.parse(buffer.subarray(12, start).toString('utf8')) as {
      isolation: string;
      head: { kind: Head['kind']; classes: string[] };
      tensors: { name: string; type: StoredType; dims: number[] }[];
    };
    const payload = brotliDecompressSync(buffer.subarray(start), { maxOutputLength: MAX_PAYLOAD });
    const tensors: AdapterTensors = new Map();
    let at = 0;
    for (const { name, type, dims } of header.tensors) {
      const size = sizeOf(dims);
      const end = at + packedBytes(type, size);
      if (end > payload.length) throw new Error(`'${name}' is truncated`);
      tensors.set(name, { type, dims, data: unpackTensor(type, payload.subarray(at, end), size) });
      at = end;
    }
    if (at !== payload.length) throw new Error('bytes are left over');
    const weight = tensors.get('lichen:head.weight');
    const bias = tensors.get('lichen:head.bias');
    if (!weight || !bias) throw new Error('it has no head');
    const { classes } = header.head;
    const [rows, features] = weight.dims;
    const texts = Array.isArray(classes) && classes.every((c) => typeof c === 'string');
    if (
      !texts ||
      weight.dims.length !== 2 ||
      rows !== classes.length ||
      bias.data.length !== classes.length
    ) {
      throw new Error('its head does not fit its classes');
    }
    tensors.delete('lichen:head.weight');
    tensors.delete('lichen:head.bias');
    const head = { ...header.head, weight: weight.data, bias: bias.data, features: features! };
    return { isolation: header.isolation, tensors, head };
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

/** Bytes of a tensor as it is packed. */
export function packedBytes(type: StoredType, size: number): number {
  return type === 'bit' ? Math.ceil(size / 8) : size * (type === 'half' ? 2 : 4);
}

/** A tensor's values in their stored type. */
export function packTensor({ type, data }: StoredTensor): Buffer {
  if (type === 'half') return Buffer.from(toHalf(data).buffer);
  if (type === 'float') return Buffer.from(data.slice().buffer);
  const bits = Buffer.alloc(packedBytes('bit', data.length));
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) bits[i >> 3]! |= 1 << (i & 7);
  return bits;
}

/** The values of `size` elements that `packTensor` packed. */
export function unpackTensor(type: StoredType, bytes: Buffer, size: number): Float32Array {
  // A copy, since typed arrays want aligned memory.
  const own = new Uint8Array(bytes).buffer;
  if (type === 'half') return fromHalf(new Uint16Array(own));
  if (type === 'float') return new Float32Array(own);
  return Float32Array.from({ length: size }, (_, i) => (bytes[i >> 3]! >> (i & 7)) & 1);
}
