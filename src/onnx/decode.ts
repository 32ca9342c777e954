import { type Message, messages } from './proto.js';

/**
 * Messages and strings that one file may hold. The largest networks have some 100,000; without a bound, a file of
 * empty messages (two bytes each) would fill the memory a hundred times its size.
 */
const MAX_PARTS = 2 ** 20;

/** Numbers that are written one by one; the data of large tensors are written as they are in memory. */
const MAX_NUMBERS = 2 ** 25;

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

interface Field {
  name: string;
  kind: string;
  repeated: boolean;
}

/** The fields of every message by their numbers. */
const FIELDS: ReadonlyMap<string, ReadonlyMap<number, Field>> = new Map(
  Object.entries(messages).map(([message, fields]) => [
    message,
    new Map(
      Object.entries(fields as Record<string, readonly [string, number, string?]>).map(
        ([name, [kind, id, rule]]) => [id, { name, kind, repeated: rule === 'repeated' }],
      ),
    ),
  ]),
);

/**
 * Decodes the protobuf message of an ONNX model. Its memory is bounded by the size of the input: numbers go into
 * typed arrays, bytes are views of the input, and messages are counted.
 * @throws Error that says what is wrong, and at which byte
 */
export function decodeProto(bytes: Uint8Array): Message<'ModelProto'> {
  return new Decoder(bytes).message('ModelProto', bytes.length) as Message<'ModelProto'>;
}

class Decoder {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly text = new TextDecoder('utf-8', { fatal: true });
  private at = 0;
  private parts = 0;
  private singles = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** One message, from here to `end`. */
  message(name: string, end: number): Record<string, unknown> {
    this.count();
    const fields = FIELDS.get(name)!;
    const values: Record<string, unknown> = {};
    const lists = new Map<string, Numbers>();
    const parts = new Map<string, unknown[]>();
    while (this.at < end) {
      const start = this.at;
      const tag = this.unsigned(end);
      const wire = tag & 7;
      const id = Math.floor(tag / 8);
      if (id === 0) throw new Error(`byte ${start} has a field of number 0`);
      const field = fields.get(id);
      if (!field) {
        this.skip(wire, end, start);
        continue;
      }
      const { kind, repeated } = field;
      if (isNumeric(kind)) {
        if (!repeated) values[field.name] = this.number(kind, wire, end, start);
        else {
          const list = lists.get(field.name) ?? new Numbers(kind);
          lists.set(field.name, list);
          this.numbers(list, kind, wire, end, start);
        }
        continue;
      }
      if (wire !== WIRE.bytes) throw this.wrongWire(field.name, wire, start);
      const to = this.span(end, start);
      const value = this.spanned(kind, to);
      if (repeated) {
        const part = parts.get(field.name);
        if (part) part.push(value);
        else parts.set(field.name, [value]);
      } else if (Object.hasOwn(messages, kind) && values[field.name] !== undefined)
        throw new Error(`the ${name} at byte ${start} has a second '${field.name}'`);
      else values[field.name] = value;
    }
    for (const [key, list] of lists) values[key] = list.done();
    for (const [key, part] of parts) values[key] = part;
    return values;
  }

  /** A string, bytes or a message, which end at `to`. */
  private spanned(kind: string, to: number): unknown {
    if (kind !== 'string' && kind !== 'bytes') return this.message(kind, to);
    this.count();
    const part = this.bytes.subarray(this.at, to);
    const from = this.at;
    this.at = to;
    if (kind === 'bytes') return part;
    try {
      return this.text.decode(part);
    } catch (error) {
      throw new Error(`the text at byte ${from} is not UTF-8`, { cause: error });
    }
  }

  private number(kind: string, wire: number, end: number, start: number): number | bigint {
    if (wire !== wireOf(kind)) throw this.wrongWire(kind, wire, start);
    if (kind === 'float') return this.view.getFloat32(this.take(4, end), true);
    if (kind === 'double') return this.view.getFloat64(this.take(8, end), true);
    // Most are small, and big integers are slow.
    const first = this.bytes[this.at]!;
    if (first < 128 && this.at < end) {
      this.at++;
      return kind === 'int32' ? first : BigInt(first);
    }
    const v = this.varint(end);
    if (kind === 'int64') return BigInt.asIntN(64, v);
    return kind === 'uint64' ? v : Number(BigInt.asIntN(32, v));
  }

  /** Repeated numbers, packed into one field or a field each. */
  private numbers(list: Numbers, kind: string, wire: number, end: number, start: number): void {
    if (wire !== WIRE.bytes) {
      this.countNumbers(1);
      list.push(this.number(kind, wire, end, start));
      return;
    }
    const to = this.span(end, start);
    const one = wireOf(kind);
    if (one === WIRE.varint) {
      let count = 0;
      for (let i = this.at; i < to; i++) if (this.bytes[i]! < 128) count++;
      this.countNumbers(count);
      list.reserve(count);
    } else list.reserve(Math.ceil((to - this.at) / (one === WIRE.fixed32 ? 4 : 8)));
    while (this.at < to) list.push(this.number(kind, one, to, start));
  }

  private skip(wire: number, end: number, start: number): void {
    if (wire === WIRE.varint) this.unsigned(end);
    else if (wire === WIRE.fixed64) this.take(8, end);
    else if (wire === WIRE.fixed32) this.take(4, end);
    else if (wire === WIRE.bytes) this.at = this.span(end, start);
    else throw new Error(`byte ${start} has a field of the unknown wire type ${wire}`);
  }

  /** Reads a length and returns where what it counts ends. */
  private span(end: number, start: number): number {
    const length = this.unsigned(end);
    if (length > end - this.at) {
      throw new Error(
        `the field at byte ${start} says that it has ${length} bytes, ${end - this.at} are left`,
      );
    }
    return this.at + length;
  }

  private take(count: number, end: number): number {
    if (count > end - this.at) throw new Error(`it ends within a number at byte ${this.at}`);
    this.at += count;
    return this.at - count;
  }

  /** A tag or a length: exact up to 2^53, and larger than any file beyond. */
  private unsigned(end: number): number {
    const first = this.bytes[this.at];
    if (first !== undefined && first < 128 && this.at < end) {
      this.at++;
      return first;
    }
    return Number(this.varint(end));
  }

  private varint(end: number): bigint {
    const start = this.at;
    let low = 0;
    let high = 0n;
    for (let i = 0; i < 10; i++) {
      if (this.at >= end) break;
      const b = this.bytes[this.at++]!;
      if (i < 4) low += (b & 127) * 2 ** (7 * i);
      else high |= BigInt(b & 127) << BigInt(7 * i);
      if (b < 128) return BigInt.asUintN(64, high | BigInt(low));
    }
    throw new Error(`the number at byte ${start} does not end`);
  }

  private count(): void {
    if (++this.parts > MAX_PARTS) {
      throw new Error(`it has more than ${MAX_PARTS} messages and texts; no network that can be run has`);
    }
  }

  private countNumbers(more: number): void {
    this.singles += more;
    if (this.singles > MAX_NUMBERS) {
      throw new Error(`it has more than ${MAX_NUMBERS} numbers written one by one; save it with raw data`);
    }
  }

  private wrongWire(field: string, wire: number, start: number): Error {
    return new Error(`the field '${field}' at byte ${start} has the wire type ${wire}`);
  }
}

/** A typed array that grows. */
class Numbers {
  private readonly kind: string;
  private array: NumberArray;
  private length = 0;

  constructor(kind: string) {
    this.kind = kind;
    this.array = arrayOf(kind, 0);
  }

  reserve(more: number): void {
    if (this.length + more <= this.array.length) return;
    const grown = arrayOf(this.kind, this.length + more);
    // Both are of the same kind, which the compiler cannot see.
    (grown as Float64Array).set(this.array as Float64Array);
    this.array = grown;
  }

  push(value: number | bigint): void {
    if (this.length === this.array.length) this.reserve(Math.max(4, this.length));
    this.array[this.length++] = value;
  }

  done(): NumberArray {
    return this.length === this.array.length ? this.array : this.array.slice(0, this.length);
  }
}

type NumberArray = Int32Array | BigInt64Array | BigUint64Array | Float32Array | Float64Array;

function arrayOf(kind: string, length: number): NumberArray {
  switch (kind) {
    case 'int32':
      return new Int32Array(length);
    case 'int64':
      return new BigInt64Array(length);
    case 'uint64':
      return new BigUint64Array(length);
    case 'float':
      return new Float32Array(length);
    default:
      return new Float64Array(length);
  }
}

const isNumeric = (kind: string) => kind !== 'string' && kind !== 'bytes' && !Object.hasOwn(messages, kind);

function wireOf(kind: string): number {
  if (kind === 'float') return WIRE.fixed32;
  return kind === 'double' ? WIRE.fixed64 : WIRE.varint;
}
