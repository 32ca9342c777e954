import { writeFileSync } from 'node:fs';
import { LichenError, messageOf } from '../errors.js';
import type { Attribute, ConstantTensor, Graph, Model, ValueInfo } from './model.js';
import { modelProto } from './proto.js';

const MODEL_PROTO = modelProto();

/** Writes a model as an ordinary ONNX file. */
export function writeModel(file: string, model: Model): void {
  try {
    writeFileSync(file, encodeModel(model));
  } catch (error) {
    throw new LichenError('onnx-unwritable', `cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Encodes a model as the bytes of an ONNX file. */
export function encodeModel(model: Model): Uint8Array {
  return MODEL_PROTO.encode(
    MODEL_PROTO.create({
      irVersion: model.irVersion,
      producerName: 'lichen',
      opsetImport: [
        { domain: '', version: model.opset },
        ...Object.entries(model.domains ?? {}).map(([domain, version]) => ({ domain, version })),
      ],
      graph: graphProto(model.graph),
      metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
    }),
  ).finish();
}

function graphProto(g: Graph): object {
  return {
    name: g.name || 'graph',
    node: g.nodes.map((n) => ({
      opType: n.op,
      domain: n.domain,
      name: n.name,
      input: n.inputs,
      output: n.outputs,
      attribute: Object.entries(n.attributes).map(([name, a]) => ({ name, ...attributeProto(a) })),
    })),
    initializer: [...g.initializers].map(([name, t]) => ({ name, ...tensorProto(t) })),
    input: g.inputs.map(valueInfoProto),
    output: g.outputs.map(valueInfoProto),
  };
}

/** The largest integer, 'to the end' of a Slice, is as a number one too large and would become the smallest. */
const int64 = (value: number) => (value >= 2 ** 63 ? { low: -1, high: 2 ** 31 - 1, unsigned: false } : value);

function attributeProto(a: Attribute): object {
  const bytes = (s: string) => Buffer.from(s, 'utf8');
  switch (a.kind) {
    case 'float':
      return { type: 1, f: a.value };
    case 'int':
      return { type: 2, i: int64(a.value) };
    case 'string':
      return { type: 3, s: bytes(a.value) };
    case 'tensor':
      return { type: 4, t: tensorProto(a.value) };
    case 'graph':
      return { type: 5, g: graphProto(a.value) };
    case 'floats':
      return { type: 6, floats: a.value };
    case 'ints':
      return { type: 7, ints: a.value.map(int64) };
    case 'strings':
      return { type: 8, strings: a.value.map(bytes) };
  }
}

function tensorProto(t: ConstantTensor): object {
  return {
    dims: t.dims,
    dataType: t.type,
    rawData: new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength),
  };
}

function valueInfoProto(v: ValueInfo): object {
  const dim = v.dims?.map((d) =>
    typeof d === 'number' ? { dimValue: d } : d === null ? {} : { dimParam: d },
  );
  return { name: v.name, type: { tensorType: { elemType: v.type, ...(dim && { shape: { dim } }) } } };
}
