import protobuf from 'protobufjs';

/**
 * The messages of the ONNX format that Lichen reads and writes, by the field numbers of the public
 * specification. Fields that are not listed (training info, quantization annotations, documentation) are
 * skipped when reading; so are subgraphs, whose attributes are refused by their type. No message contains
 * itself: how deep a file can nest is bounded by this table.
 */
export const messages = {
  ModelProto: {
    irVersion: ['int64', 1],
    opsetImport: ['OperatorSetIdProto', 8, 'repeated'],
    producerName: ['string', 2],
    producerVersion: ['string', 3],
    graph: ['GraphProto', 7],
    metadataProps: ['StringStringEntryProto', 14, 'repeated'],
    functions: ['FunctionProto', 25, 'repeated'],
  },
  FunctionProto: { name: ['string', 1] },
  OperatorSetIdProto: { domain: ['string', 1], version: ['int64', 2] },
  StringStringEntryProto: { key: ['string', 1], value: ['string', 2] },
  GraphProto: {
    node: ['NodeProto', 1, 'repeated'],
    name: ['string', 2],
    initializer: ['TensorProto', 5, 'repeated'],
    sparseInitializer: ['SparseTensorProto', 15, 'repeated'],
    input: ['ValueInfoProto', 11, 'repeated'],
    output: ['ValueInfoProto', 12, 'repeated'],
  },
  SparseTensorProto: { dims: ['int64', 3, 'repeated'] },
  NodeProto: {
    input: ['string', 1, 'repeated'],
    output: ['string', 2, 'repeated'],
    name: ['string', 3],
    opType: ['string', 4],
    domain: ['string', 7],
    attribute: ['AttributeProto', 5, 'repeated'],
  },
  AttributeProto: {
    name: ['string', 1],
    type: ['int32', 20],
    f: ['float', 2],
    i: ['int64', 3],
    s: ['bytes', 4],
    t: ['TensorProto', 5],
    floats: ['float', 7, 'repeated'],
    ints: ['int64', 8, 'repeated'],
    strings: ['bytes', 9, 'repeated'],
  },
  ValueInfoProto: { name: ['string', 1], type: ['TypeProto', 2] },
  TypeProto: { tensorType: ['TensorTypeProto', 1] },
  TensorTypeProto: { elemType: ['int32', 1], shape: ['TensorShapeProto', 2] },
  TensorShapeProto: { dim: ['Dimension', 1, 'repeated'] },
  Dimension: { dimValue: ['int64', 1], dimParam: ['string', 2] },
  TensorProto: {
    dims: ['int64', 1, 'repeated'],
    dataType: ['int32', 2],
    floatData: ['float', 4, 'repeated'],
    int32Data: ['int32', 5, 'repeated'],
    int64Data: ['int64', 7, 'repeated'],
    name: ['string', 8],
    rawData: ['bytes', 9],
    doubleData: ['double', 10, 'repeated'],
    uint64Data: ['uint64', 11, 'repeated'],
    externalData: ['StringStringEntryProto', 13, 'repeated'],
    dataLocation: ['int32', 14],
  },
} as const satisfies Record<
  string,
  Record<string, readonly [string, number] | readonly [string, number, 'repeated']>
>;
type Messages = typeof messages;

/** What a field of a scalar kind is read as: alone, and repeated. */
interface Scalars {
  string: [string, string[]];
  bytes: [Uint8Array, Uint8Array[]];
  int32: [number, Int32Array];
  int64: [bigint, BigInt64Array];
  uint64: [bigint, BigUint64Array];
  float: [number, Float32Array];
  double: [number, Float64Array];
}
type FieldOf<F> = F extends readonly [infer K, number, 'repeated']
  ? K extends keyof Scalars
    ? Scalars[K][1]
    : K extends keyof Messages
      ? Message<K>[]
      : never
  : F extends readonly [infer K, number]
    ? K extends keyof Scalars
      ? Scalars[K][0]
      : K extends keyof Messages
        ? Message<K>
        : never
    : never;

/** A message as it is read: what the file does not say is left out. */
export type Message<N extends keyof Messages> = { [F in keyof Messages[N]]?: FieldOf<Messages[N][F]> };

/**
 * Builds the protobuf type of `ModelProto`, for writing. ONNX uses proto2, where repeated numbers are packed on
 * request.
 */
export function modelProto(): protobuf.Type {
  const root = new protobuf.Root();
  for (const [name, fields] of Object.entries(messages)) {
    const type = new protobuf.Type(name);
    for (const [field, [kind, id, rule]] of Object.entries(fields) as [string, [string, number, string?]][]) {
      const numeric = /^(int|uint|float|double)/.test(kind);
      const options = rule === 'repeated' && numeric ? { packed: true } : undefined;
      type.add(new protobuf.Field(field, id, kind, rule, undefined, options));
    }
    root.add(type);
  }
  // Written only: a loop's body.
  root.lookupType('AttributeProto').add(new protobuf.Field('g', 6, 'GraphProto'));
  return root.lookupType('ModelProto');
}
