import { type ConstantTensor, ElementType, floats, intAttribute, type Node, sizeOf } from './model.js';
import { refused } from './refused.js';
import { typeName } from './types.js';

type Constants = ReadonlyMap<string, ConstantTensor>;

const RANGES: ReadonlyMap<ElementType, readonly [number, number]> = new Map([
  [ElementType.uint8, [0, 255]],
  [ElementType.int8, [-128, 127]],
  [ElementType.uint16, [0, 65535]],
  [ElementType.int16, [-32768, 32767]],
  [ElementType.int32, [-(2 ** 31), 2 ** 31 - 1]],
  [ElementType.uint4, [0, 15]],
  [ElementType.int4, [-8, 7]],
]);

/** The least and the largest number of a quantized type; undefined for types that nothing is quantized to here. */
export function rangeOf(type: ElementType): readonly [number, number] | undefined {
  return RANGES.get(type);
}

/** The type that QuantizeLinear makes. */
export function quantizedType(n: Node, zero: ConstantTensor | undefined): ElementType {
  return zero?.type ?? ((intAttribute(n, 'output_dtype', 0) || ElementType.uint8) as ElementType);
}

/**
 * What DequantizeLinear makes of a constant: (value - zero point) * scale.
 * @throws LichenError `onnx-invalid`
 */
export function dequantizeConstant(n: Node, constants: Constants): ConstantTensor {
  const value = constants.get(n.inputs[0]!)!;
  const { scale, zero } = parameters(n, constants);
  if (!RANGES.has(value.type)) throw refused(n, `constants of ${typeName(value.type)} cannot be dequantized`);
  const index = scaleIndex(n, value.dims, scale);
  const zeros = zero && integers(zero);
  const one = (v: number, i: number) => (v - (zeros?.[index(i)] ?? 0)) * Number(scale.data[index(i)]);
  return floats(integers(value).map(one), value.dims);
}

const ROUNDED = { [ElementType.uint8]: Uint8Array, [ElementType.int8]: Int8Array } as const;

/**
 * What QuantizeLinear makes of a constant. Constants keep the rounding that the network was tested with.
 * @throws LichenError `onnx-invalid`
 */
export function quantizeConstant(n: Node, constants: Constants): ConstantTensor {
  const value = constants.get(n.inputs[0]!)!;
  const { scale, zero } = parameters(n, constants);
  const type = quantizedType(n, zero);
  if (type !== ElementType.uint8 && type !== ElementType.int8) {
    throw refused(n, `constants cannot be quantized to ${typeName(type)}`);
  }
  const [low, high] = RANGES.get(type)!;
  const index = scaleIndex(n, value.dims, scale);
  const zeros = zero && integers(zero);
  const one = (v: number, i: number) => {
    const q = roundToEven(Math.fround(v / Number(scale.data[index(i)]))) + (zeros?.[index(i)] ?? 0);
    return Math.min(high, Math.max(low, q));
  };
  return { type, dims: value.dims, data: ROUNDED[type].from(Array.from(value.data, Number).map(one)) };
}

/** For each element of a constant the index of its scale: one for all, one a slice of an axis, or one a block. */
function scaleIndex(n: Node, dims: readonly number[], scale: ConstantTensor): (i: number) => number {
  if (scale.data.length === 1) return () => 0;
  const given = intAttribute(n, 'axis', 1);
  const axis = given < 0 ? given + dims.length : given;
  const block = intAttribute(n, 'block_size', 0);
  const length = dims[axis] ?? 0;
  const inner = sizeOf(dims.slice(axis + 1));
  const blocks = block > 0 ? Math.ceil(length / block) : length;
  const expected = block > 0 ? sizeOf(dims.slice(0, axis)) * blocks * inner : length;
  if (length === 0 || scale.data.length !== expected) {
    throw refused(n, `${scale.data.length} scales do not fit axis ${given} of a constant of shape [${dims}]`);
  }
  if (block === 0) return (i) => Math.floor(i / inner) % length;
  return (i) => {
    const outer = Math.floor(i / (inner * length));
    const at = Math.floor((Math.floor(i / inner) % length) / block);
    return (outer * blocks + at) * inner + (i % inner);
  };
}

function parameters(n: Node, constants: Constants) {
  const scale = constants.get(n.inputs[1] ?? '');
  const zero = n.inputs[2] ? constants.get(n.inputs[2]) : undefined;
  if (!scale || (n.inputs[2] && !zero)) throw refused(n, 'its scale and zero point must be constants');
  return { scale, zero };
}

/** The values of an integer constant as numbers, 4-bit ones unpacked. */
export function integers({ type, dims, data }: ConstantTensor): number[] {
  if (type !== ElementType.int4 && type !== ElementType.uint4) return Array.from(data, Number);
  return Array.from({ length: sizeOf(dims) }, (_, i) => {
    const half = (Number(data[i >> 1]) >> (4 * (i & 1))) & 15;
    return type === ElementType.int4 && half > 7 ? half - 16 : half;
  });
}

function roundToEven(v: number): number {
  const r = Math.round(v);
  return Math.abs(v % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}
