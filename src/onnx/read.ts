import { dirname } from 'node:path';
import { LichenError, messageOf } from '../errors.js';
import { constantOf } from './constant.js';
import { decodeProto } from './decode.js';
import { ExternalData } from './external.js';
import { notDecoded, readWhole } from './files.js';
import { guard } from './guard.js';
import type { Attribute, ConstantTensor, Graph, Model, Node, ValueInfo } from './model.js';
import { ElementType, MAX_SIZE } from './model.js';
import { ordered } from './order.js';
import type { Message } from './proto.js';
import { elementType, readTensor } from './tensor.js';

/** Standard operator sets that are read: before 7, operators broadcast by other rules; later ones are not known yet. */
const OPSETS = { oldest: 7, newest: 26 };

/**
 * Reads an ONNX file, and the files beside it that hold its data.
 * @throws LichenError `onnx-unreadable` (no such file, too large) or `onnx-invalid` (not a model, unsupported).
 */
export function readModel(file: string): Model {
  let bytes: Buffer;
  try {
    bytes = readWhole(file);
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw new LichenError('onnx-unreadable', `cannot read the ONNX model ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return decodeModel(bytes, file, new ExternalData(dirname(file), bytes.length));
}

/**
 * Decodes an ONNX model from bytes, and checks that its graph hangs together.
 * @param source what to call it in errors
 * @param external the files that tensors may keep their data in; none if not given
 * @throws LichenError `onnx-invalid`, and what `external` throws
 */
export function decodeModel(bytes: Uint8Array, source = 'the ONNX model', external?: ExternalData): Model {
  const invalid = (why: string, cause?: unknown): LichenError =>
    new LichenError('onnx-invalid', `${source} is not a usable ONNX model: ${why}`, { cause });
  let proto: Message<'ModelProto'>;
  try {
    proto = decodeProto(bytes);
  } catch (error) {
    throw new LichenError('onnx-invalid', notDecoded(source, messageOf(error)), { cause: error });
  }
  if (!proto.graph) throw invalid(bytes.length === 0 ? 'it is empty' : 'it has no graph');
  try {
    return readProto(proto, proto.graph, external);
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw invalid(messageOf(error), error);
  }
}

function readProto(
  proto: Message<'ModelProto'>,
  graph: Message<'GraphProto'>,
  external: ExternalData | undefined,
): Model {
  if (proto.functions?.length)
    throw new Error('it has local functions; export it without them, or inline them');
  if (graph.sparseInitializer?.length) throw new Error('it has sparse initializers; export dense ones');
  const sets = new Map((proto.opsetImport ?? []).map((o) => [o.domain ?? '', Number(o.version ?? 0)]));
  const opset = sets.get('') ?? sets.get('ai.onnx');
  if (opset === undefined) throw new Error('it names no standard operator set');
  if (!(opset >= OPSETS.oldest && opset <= OPSETS.newest)) {
    throw new Error(
      `it is written in operator set ${opset}; ${OPSETS.oldest} to ${OPSETS.newest} can be read. Export it in one of those`,
    );
  }
  const domains = [...sets].filter(([domain]) => domain !== '' && domain !== 'ai.onnx');
  const read = ordered(readGraph(graph, external));
  guard(read);
  return {
    graph: read,
    opset,
    ...(domains.length > 0 && { domains: Object.fromEntries(domains) }),
    irVersion: Number(proto.irVersion ?? 0),
    metadata: Object.fromEntries((proto.metadataProps ?? []).map((p) => [p.key ?? '', p.value ?? ''])),
  };
}

function readGraph(g: Message<'GraphProto'>, external: ExternalData | undefined): Graph {
  const initializers = new Map<string, ConstantTensor>();
  const add = (name: string, t: ConstantTensor) => {
    if (!name) throw new Error('a constant has no name');
    if (initializers.has(name)) throw new Error(`there are two constants '${name}'`);
    initializers.set(name, t);
  };
  for (const t of g.initializer ?? []) add(t.name ?? '', readTensor(t, external));
  const nodes: Node[] = [];
  const names = new Set<string>();
  for (const n of g.node ?? []) {
    const converted = readNode(n, external);
    // A Constant node is the same as an initializer; one form is enough from here on.
    const constant = constantOf(converted);
    if (constant) {
      add(converted.outputs[0] ?? '', constant);
      continue;
    }
    // Nodes without a name are called by their outputs, which may be the name of another node.
    while (names.has(converted.name)) converted.name += '_';
    names.add(converted.name);
    nodes.push(converted);
  }
  return {
    name: g.name ?? '',
    nodes,
    initializers,
    // Old files list constants as inputs, too.
    inputs: (g.input ?? [])
      .filter((i) => !initializers.has(i.name ?? ''))
      .map((i) => readValueInfo(i, 'input')),
    outputs: (g.output ?? []).map((o) => readValueInfo(o, 'output')),
  };
}

function readNode(n: Message<'NodeProto'>, external: ExternalData | undefined): Node {
  const outputs = n.output ?? [];
  const called = `'${n.name || outputs[0] || ''}' (${n.opType ?? ''})`;
  const attributes = (n.attribute ?? []).map(
    (a) => [a.name ?? '', readAttribute(a, called, external)] as const,
  );
  return {
    op: n.opType ?? '',
    domain: n.domain === 'ai.onnx' ? '' : (n.domain ?? ''),
    name: n.name || outputs[0] || '',
    inputs: n.input ?? [],
    outputs,
    // Not by assignment, to which a name like '__proto__' means something else.
    attributes: Object.fromEntries(attributes),
  };
}

function readAttribute(
  a: Message<'AttributeProto'>,
  node: string,
  external: ExternalData | undefined,
): Attribute {
  const text = (b: Uint8Array) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(b);
  switch (a.type) {
    case 1:
      return { kind: 'float', value: a.f ?? 0 };
    case 2:
      return { kind: 'int', value: Number(a.i ?? 0) };
    case 3:
      return { kind: 'string', value: text(a.s ?? new Uint8Array()) };
    case 4:
      return { kind: 'tensor', value: readTensor(a.t ?? {}, external) };
    case 6:
      return { kind: 'floats', value: Array.from(a.floats ?? []) };
    case 7:
      return { kind: 'ints', value: Array.from(a.ints ?? [], Number) };
    case 8:
      return { kind: 'strings', value: (a.strings ?? []).map(text) };
    case 5:
    case 10:
      throw new Error(
        `attribute '${a.name ?? ''}' of node ${node} is a subgraph; networks with branches and loops are not supported. ` +
          'Export the network for inference, without control flow',
      );
    default:
      throw new Error(
        `attribute '${a.name ?? ''}' of node ${node} has type ${a.type ?? 0}, which is not supported`,
      );
  }
}

function readValueInfo(v: Message<'ValueInfoProto'>, which: string): ValueInfo {
  const t = v.type?.tensorType;
  const type = v.type && !t ? undefined : elementType(t?.elemType ?? ElementType.float);
  if (!type) {
    const is = t ? `a tensor of element type ${t.elemType}` : 'no tensor';
    throw new Error(`${which} '${v.name ?? ''}' is ${is}, which is not supported`);
  }
  const dims = t?.shape && (t.shape.dim ?? []).map((d) => d.dimParam || size(d.dimValue));
  if (dims?.some((d) => typeof d === 'number' && d > MAX_SIZE)) {
    throw new Error(`${which} '${v.name ?? ''}' has shape [${dims}], which is too large`);
  }
  return { name: v.name ?? '', type, dims };
}

/** A size that is said. Some exporters write -1 for one that is not known. */
const size = (given: bigint | undefined) => (given === undefined || given < 0n ? null : Number(given));
