import { readFileSync, statSync } from 'node:fs';
import { LichenError, messageOf } from '../errors.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  type Graph,
  type Model,
  type Node,
  sizeOf,
  type TensorData,
  type ValueInfo,
} from './model.js';
import { modelProto } from './proto.js';

const MODEL_PROTO = modelProto();
const MAX_BYTES = 2 ** 31 - 1;
/** Standard operator sets that are read: before 7, operators broadcast by other rules; later ones are not known yet. */
const OPSETS = { oldest: 7, newest: 26 };

/**
 * Reads an ONNX file.
 * @throws LichenError `onnx-unreadable` (no such file, too large) or `onnx-invalid` (not a model, unsupported).
 */
export function readModel(file: string): Model {
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes; at most ${MAX_BYTES} (2 GiB) can be read`);
    bytes = readFileSync(file);
  } catch (error) {
    throw new LichenError('onnx-unreadable', `cannot read the ONNX model ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return decodeModel(bytes, file);
}

/**
 * Decodes an ONNX model from bytes and checks that its graph hangs together.
 * @param source what to call it in errors
 * @throws LichenError `onnx-invalid`
 */
export function decodeModel(bytes: Uint8Array, source = 'the ONNX model'): Model {
  const invalid = (why: string, cause?: unknown): LichenError =>
    new LichenError('onnx-invalid', `${source} is not a usable ONNX model: ${why}`, { cause });
  let proto: Proto;
  try {
    proto = MODEL_PROTO.decode(bytes) as unknown as Proto;
  } catch (error) {
    throw invalid(
      `it cannot be decoded (${messageOf(error)}); is it truncated or another kind of file?`,
      error,
    );
  }
  if (!proto.graph) throw invalid('it has no graph');
  if (proto.functions?.length) throw invalid('it has local functions; export it without them');
  if (proto.graph.sparseInitializer?.length) throw invalid('it has sparse initializers; export dense ones');
  const opset = proto.opsetImport?.find((o) => !o.domain || o.domain === 'ai.onnx')?.version;
  if (opset === undefined) throw invalid('it names no standard operator set');
  const set = Number(opset);
  if (!(set >= OPSETS.oldest && set <= OPSETS.newest)) {
    throw invalid(
      `it is written in operator set ${set}; ${OPSETS.oldest} to ${OPSETS.newest} can be read. Export it in one of those`,
    );
  }
  try {
    const model: Model = {
      graph: readGraph(proto.graph),
      opset: set,
      irVersion: Number(proto.irVersion ?? 0),
      metadata: Object.fromEntries((proto.metadataProps ?? []).map((p) => [p.key ?? '', p.value ?? ''])),
    };
    checkGraph(model.graph);
    return model;
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw invalid(messageOf(error), error);
  }
}

/** Every input of every node must be produced before it, once. */
function checkGraph(graph: Graph): void {
  const known = new Set<string>([...graph.initializers.keys(), ...graph.inputs.map((i) => i.name)]);
  for (const n of graph.nodes) {
    for (const input of n.inputs) {
      if (input && !known.has(input)) {
        throw new Error(`node '${n.name}' (${n.op}) reads '${input}', which nothing before it produces`);
      }
    }
    if (!n.outputs.some((o) => o !== '')) throw new Error(`node '${n.name}' (${n.op}) has no output`);
    for (const output of n.outputs) {
      if (output && known.has(output)) throw new Error(`'${output}' is produced twice`);
      known.add(output);
    }
  }
  for (const o of graph.outputs)
    if (!known.has(o.name)) throw new Error(`nothing produces output '${o.name}'`);
}

function readGraph(g: GraphProto): Graph {
  const initializers = new Map<string, ConstantTensor>();
  for (const t of g.initializer ?? []) initializers.set(t.name ?? '', readTensor(t));
  const nodes: Node[] = [];
  for (const n of g.node ?? []) {
    const converted = readNode(n);
    const value = converted.op === 'Constant' ? converted.attributes.value : undefined;
    // A Constant node is the same as an initializer; one form is enough from here on.
    if (value?.kind === 'tensor') initializers.set(converted.outputs[0] as string, value.value);
    else nodes.push(converted);
  }
  return {
    name: g.name ?? '',
    nodes,
    initializers,
    inputs: (g.input ?? []).map(readValueInfo).filter((i) => !initializers.has(i.name)),
    outputs: (g.output ?? []).map(readValueInfo),
  };
}

function readNode(n: NodeProto): Node {
  const outputs = n.output ?? [];
  const attributes: Record<string, Attribute> = {};
  for (const a of n.attribute ?? []) attributes[a.name ?? ''] = readAttribute(a, n);
  return {
    op: n.opType ?? '',
    domain: n.domain === 'ai.onnx' ? '' : (n.domain ?? ''),
    name: n.name || outputs[0] || '',
    inputs: n.input ?? [],
    outputs,
    attributes,
  };
}

function readAttribute(a: AttributeProto, n: NodeProto): Attribute {
  const text = (b: Uint8Array) => Buffer.from(b).toString('utf8');
  switch (a.type) {
    case 1:
      return { kind: 'float', value: a.f ?? 0 };
    case 2:
      return { kind: 'int', value: Number(a.i ?? 0) };
    case 3:
      return { kind: 'string', value: text(a.s ?? new Uint8Array()) };
    case 4:
      return { kind: 'tensor', value: readTensor(a.t ?? {}) };
    case 6:
      return { kind: 'floats', value: a.floats ?? [] };
    case 7:
      return { kind: 'ints', value: (a.ints ?? []).map(Number) };
    case 8:
      return { kind: 'strings', value: (a.strings ?? []).map(text) };
    default:
      throw new Error(
        `attribute '${a.name}' of node '${n.name || n.output?.[0]}' (${n.opType}) has type ${a.type}, which is not supported ` +
          '(subgraphs and sparse tensors are not)',
      );
  }
}

function readValueInfo(v: ValueInfoProto): ValueInfo {
  const t = v.type?.tensorType;
  return {
    name: v.name ?? '',
    type: (t?.elemType ?? ElementType.float) as ElementType,
    // An absent size reads as 0, which is a size of its own.
    dims: t?.shape
      ? (t.shape.dim ?? []).map(
          (d) => d.dimParam || (Object.hasOwn(d, 'dimValue') ? Number(d.dimValue) : null),
        )
      : undefined,
  };
}

const arrays: Record<number, { new (b: ArrayBuffer): TensorData; BYTES_PER_ELEMENT: number }> = {
  [ElementType.float]: Float32Array,
  [ElementType.uint8]: Uint8Array,
  [ElementType.int8]: Int8Array,
  [ElementType.uint16]: Uint16Array,
  [ElementType.int16]: Int16Array,
  [ElementType.int32]: Int32Array,
  [ElementType.int64]: BigInt64Array,
  [ElementType.bool]: Uint8Array,
  [ElementType.float16]: Uint16Array,
  [ElementType.double]: Float64Array,
  [ElementType.uint32]: Uint32Array,
  [ElementType.uint64]: BigUint64Array,
};

function readTensor(t: TensorProto): ConstantTensor {
  const name = t.name || 'a tensor';
  const dims = (t.dims ?? []).map(Number);
  const type = t.dataType as ElementType;
  const Values = arrays[type];
  if (!Values) throw new Error(`'${name}' has element type ${type}, which is not supported`);
  if (dims.some((d) => !Number.isSafeInteger(d) || d < 0)) throw new Error(`'${name}' has shape [${dims}]`);
  if (t.dataLocation === 1)
    throw new Error(`'${name}' keeps its data in another file; save the model as one file`);
  const size = sizeOf(dims);
  let data: TensorData;
  if (t.rawData?.length) {
    if (t.rawData.length !== size * Values.BYTES_PER_ELEMENT) {
      throw new Error(`'${name}' has shape [${dims}] but ${t.rawData.length} bytes of data`);
    }
    // A copy: the file's bytes are not aligned for typed arrays.
    data = new Values(new Uint8Array(t.rawData).buffer);
  } else {
    data = readTyped(t, type);
    if (data.length !== size) throw new Error(`'${name}' has shape [${dims}] but ${data.length} elements`);
  }
  return { type, dims, data };
}

function readTyped(t: TensorProto, type: ElementType): TensorData {
  switch (type) {
    case ElementType.float:
      return Float32Array.from(t.floatData ?? []);
    case ElementType.double:
      return Float64Array.from(t.doubleData ?? []);
    case ElementType.int64:
      return BigInt64Array.from((t.int64Data ?? []).map((v) => BigInt(v.toString())));
    case ElementType.uint64:
      return BigUint64Array.from((t.uint64Data ?? []).map((v) => BigInt(v.toString())));
    case ElementType.uint32:
      return Uint32Array.from((t.uint64Data ?? []).map(Number));
    case ElementType.int32:
      return Int32Array.from(t.int32Data ?? []);
    case ElementType.int16:
      return Int16Array.from(t.int32Data ?? []);
    case ElementType.uint16:
    case ElementType.float16:
      return Uint16Array.from(t.int32Data ?? []);
    case ElementType.int8:
      return Int8Array.from(t.int32Data ?? []);
    default:
      return Uint8Array.from(t.int32Data ?? []);
  }
}

/** A 64-bit number as protobufjs gives it. */
type Long = number | { toString(): string };
interface Proto {
  irVersion?: Long;
  opsetImport?: { domain?: string; version?: Long }[];
  graph?: GraphProto;
  metadataProps?: { key?: string; value?: string }[];
  functions?: unknown[];
}
interface GraphProto {
  name?: string;
  node?: NodeProto[];
  initializer?: TensorProto[];
  sparseInitializer?: unknown[];
  input?: ValueInfoProto[];
  output?: ValueInfoProto[];
}
interface NodeProto {
  name?: string;
  opType?: string;
  domain?: string;
  input?: string[];
  output?: string[];
  attribute?: AttributeProto[];
}
interface AttributeProto {
  name?: string;
  type?: number;
  f?: number;
  i?: Long;
  s?: Uint8Array;
  t?: TensorProto;
  floats?: number[];
  ints?: Long[];
  strings?: Uint8Array[];
}
interface ValueInfoProto {
  name?: string;
  type?: { tensorType?: { elemType?: number; shape?: { dim?: { dimValue?: Long; dimParam?: string }[] } } };
}
interface TensorProto {
  name?: string;
  dims?: Long[];
  dataType?: number;
  floatData?: number[];
  int32Data?: number[];
  int64Data?: Long[];
  uint64Data?: Long[];
  doubleData?: number[];
  rawData?: Uint8Array;
  dataLocation?: number;
}
