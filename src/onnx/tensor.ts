import type { ExternalData } from './external.js';
import { type ConstantTensor, ElementType, MAX_SIZE, sizeOf, type TensorData } from './model.js';
import type { Message } from './proto.js';

type TensorProto = Message<'TensorProto'>;

/** What values of an element type are kept in, and how many bits of a file one takes. */
interface Storage {
  type: ElementType;
  bits: number;
  make: (buffer: ArrayBuffer) => TensorData;
}

const bytes = (b: ArrayBuffer) => new Uint8Array(b);
const halves = (b: ArrayBuffer) => new Uint16Array(b);
const STORAGE: ReadonlyMap<number, Storage> = new Map(
  (
    [
      ['float', 32, (b) => new Float32Array(b)],
      ['uint8', 8, bytes],
      ['int8', 8, (b) => new Int8Array(b)],
      ['uint16', 16, halves],
      ['int16', 16, (b) => new Int16Array(b)],
      ['int32', 32, (b) => new Int32Array(b)],
      ['int64', 64, (b) => new BigInt64Array(b)],
      ['bool', 8, bytes],
      ['float16', 16, halves],
      ['double', 64, (b) => new Float64Array(b)],
      ['uint32', 32, (b) => new Uint32Array(b)],
      ['uint64', 64, (b) => new BigUint64Array(b)],
      ['bfloat16', 16, halves],
      ['float8e4m3fn', 8, bytes],
      ['float8e4m3fnuz', 8, bytes],
      ['float8e5m2', 8, bytes],
      ['float8e5m2fnuz', 8, bytes],
      ['uint4', 4, bytes],
      ['int4', 4, bytes],
    ] as [keyof typeof ElementType, number, Storage['make']][]
  ).map(([name, bits, make]) => [ElementType[name], { type: ElementType[name], bits, make }]),
);

/** Whether tensors of an element type can be read: all but texts and complex numbers. */
export function elementType(number: number | undefined): ElementType | undefined {
  return STORAGE.get(number ?? 0)?.type;
}

/** More axes than any operator of the standard handles. */
const MAX_RANK = 64;

/**
 * Reads an initializer or a tensor attribute. Data in another file are read into memory of their own; data in
 * this one are copied, since a file's bytes are not aligned for typed arrays.
 * @param external where data in other files are; without it they are refused
 * @throws Error that names the tensor and says what is wrong
 */
export function readTensor(t: TensorProto, external?: ExternalData): ConstantTensor {
  const name = t.name || 'a tensor';
  const storage = STORAGE.get(t.dataType ?? 0);
  if (!storage) {
    throw new Error(`'${name}' has element type ${t.dataType ?? 0}, which is not supported`);
  }
  const dims = Array.from(t.dims ?? [], Number);
  if (dims.length > MAX_RANK) throw new Error(`'${name}' has ${dims.length} axes`);
  if (dims.some((d) => !(d >= 0 && d <= MAX_SIZE))) throw new Error(`'${name}' has shape [${dims}]`);
  const size = sizeOf(dims);
  const length = Math.ceil((size * storage.bits) / 8);
  const raw = t.dataLocation === 1 ? undefined : t.rawData;
  if (raw?.length) {
    if (raw.length !== length) {
      throw new Error(`'${name}' has shape [${dims}] but ${raw.length} bytes of data`);
    }
    return copiedWhenRead(storage.type, dims, () => storage.make(new Uint8Array(raw).buffer));
  }
  const read = (): TensorData => {
    if (t.dataLocation === 1) return storage.make(readExternal(t, name, length, external));
    const values = typedData(t, storage.type);
    const expected = storage.bits === 4 ? length : size;
    if (values.length !== expected) {
      throw new Error(`'${name}' has shape [${dims}] but ${values.length} elements`);
    }
    return values;
  };
  return { type: storage.type, dims, data: read() };
}

/** A constant that is copied out of its file's bytes when it is first looked at: of a cut network half never is. */
function copiedWhenRead(type: ElementType, dims: number[], copy: () => TensorData): ConstantTensor {
  let make: typeof copy | undefined = copy;
  let data: TensorData | undefined;
  return {
    type,
    dims,
    get data() {
      data ??= make!();
      // The file's bytes are not needed any more.
      make = undefined;
      return data;
    },
  };
}

/** Values in the field of their type, which are in use for small tensors. */
function typedData(t: TensorProto, type: ElementType): TensorData {
  const ints = () => t.int32Data ?? new Int32Array();
  switch (type) {
    case ElementType.float:
      return t.floatData ?? new Float32Array();
    case ElementType.double:
      return t.doubleData ?? new Float64Array();
    case ElementType.int64:
      return t.int64Data ?? new BigInt64Array();
    case ElementType.uint64:
      return t.uint64Data ?? new BigUint64Array();
    case ElementType.uint32:
      return Uint32Array.from(t.uint64Data ?? [], Number);
    case ElementType.int32:
      return ints();
    case ElementType.int16:
      return Int16Array.from(ints());
    case ElementType.uint16:
    case ElementType.float16:
    case ElementType.bfloat16:
      return Uint16Array.from(ints());
    case ElementType.int8:
      return Int8Array.from(ints());
    default:
      return Uint8Array.from(ints());
  }
}

function readExternal(
  t: TensorProto,
  name: string,
  length: number,
  external: ExternalData | undefined,
): ArrayBuffer {
  if (!external) throw new Error(`'${name}' keeps its data in another file, which cannot be read from here`);
  const given = new Map((t.externalData ?? []).map((e) => [e.key ?? '', e.value ?? '']));
  const number = (key: string): number | undefined => {
    const text = given.get(key);
    if (text === undefined) return undefined;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw new Error(`'${name}' has the ${key} '${text}' in another file`);
    return value;
  };
  const said = number('length');
  if (said !== undefined && said !== length) {
    throw new Error(`'${name}' needs ${length} bytes, but has ${said} in another file`);
  }
  const location = given.get('location');
  if (!location) throw new Error(`'${name}' keeps its data in another file, but does not say in which`);
  return external.read(name, location, number('offset') ?? 0, length);
}
