/**
 * An ONNX model in memory: the part of the standard that Lichen reads and writes, as plain data.
 * Names and numbers are those of the ONNX specification (onnx.proto, IR version 8 and later).
 */

/** Element types by the numbers of `TensorProto.DataType`. */
export const ElementType = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
} as const;
export type ElementType = (typeof ElementType)[keyof typeof ElementType];

/** The largest size of an axis: runtimes count elements in 31 bits, or go wrong beyond. */
export const MAX_SIZE = 2 ** 31 - 1;

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/**
 * A constant: an initializer or a tensor attribute. float16 and bfloat16 are kept as their raw 16 bits, the
 * 8-bit floats as bytes, and of the 4-bit integers two are in a byte, the first in its lower half.
 */
export interface ConstantTensor {
  type: ElementType;
  dims: number[];
  data: TensorData;
}

export type Attribute =
  | { kind: 'int'; value: number }
  | { kind: 'float'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'ints'; value: number[] }
  | { kind: 'floats'; value: number[] }
  | { kind: 'strings'; value: string[] }
  | { kind: 'tensor'; value: ConstantTensor }
  /** The body of a loop. Lichen writes such attributes and reads none. */
  | { kind: 'graph'; value: Graph };

export interface Node {
  /** Operator, named exactly as in the standard: `Conv`, `Gemm`, ... */
  op: string;
  /** Operator set; '' is the standard's own. */
  domain: string;
  name: string;
  /** An empty string is an optional input that is not given. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

/**
 * A graph's input or output. A string dimension is symbolic, e.g. `N`; null is unknown. Without `dims` not
 * even the rank is known.
 */
export interface ValueInfo {
  name: string;
  type: ElementType;
  dims?: (number | string | null)[];
}

export interface Graph {
  name: string;
  /** In topological order, as the standard requires. */
  nodes: Node[];
  initializers: Map<string, ConstantTensor>;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
}

export interface Model {
  graph: Graph;
  /** Version of the standard operator set. */
  opset: number;
  /** Versions of other operator sets that nodes may be of, by domain, e.g. `com.microsoft`. */
  domains?: Readonly<Record<string, number>>;
  irVersion: number;
  metadata: Record<string, string>;
}

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value: [...value] });
export const string = (value: string): Attribute => ({ kind: 'string', value });

/** An integer attribute or its default. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const a = node.attributes[name];
  return a?.kind === 'int' ? a.value : fallback;
}

/** A float attribute or its default. */
export function floatAttribute(node: Node, name: string, fallback: number): number {
  const a = node.attributes[name];
  return a?.kind === 'float' || a?.kind === 'int' ? a.value : fallback;
}

/** An integer-list attribute, or undefined where it is not given. */
export function intsAttribute(node: Node, name: string): number[] | undefined {
  const a = node.attributes[name];
  return a?.kind === 'ints' ? a.value : undefined;
}

/** A string attribute or its default. */
export function stringAttribute(node: Node, name: string, fallback: string): string {
  const a = node.attributes[name];
  return a?.kind === 'string' ? a.value : fallback;
}

/** A node without some of its attributes. */
export function without(n: Node, ...names: string[]): Node {
  const kept = Object.entries(n.attributes).filter(([name]) => !names.includes(name));
  return { ...n, attributes: Object.fromEntries(kept) };
}

/** Number of elements of a shape. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, d) => product * d, 1);
}

/** A float32 constant. */
export function floats(data: Float32Array | readonly number[], dims: readonly number[]): ConstantTensor {
  const array = data instanceof Float32Array ? data : Float32Array.from(data);
  if (array.length !== sizeOf(dims)) {
    throw new RangeError(`a tensor of shape [${dims}] has ${sizeOf(dims)} elements, got ${array.length}`);
  }
  return { type: ElementType.float, dims: [...dims], data: array };
}

/** An int64 constant of one dimension, as shape, axes and pads inputs want it. */
export function int64s(values: readonly number[]): ConstantTensor {
  return { type: ElementType.int64, dims: [values.length], data: BigInt64Array.from(values.map(int64)) };
}

/** 'To the end' is written as the largest integer, which as a number is one too large. */
function int64(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  return BigInt(Math.max(value, -(2 ** 63)));
}

/** A node with the standard's operators; the output's name is the node's name. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, Attribute> = {},
  domain = '',
): Node {
  return { op, domain, name: outputs[0] ?? op, inputs: [...inputs], outputs: [...outputs], attributes };
}
