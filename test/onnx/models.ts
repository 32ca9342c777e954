import {
  type ConstantTensor,
  floats,
  type Model,
  type Node,
  sizeOf,
  type ValueInfo,
} from '../../src/onnx/model.js';
import { modelProto } from '../../src/onnx/proto.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';

/** Draws float tensors, the same ones each time. */
export function drawer(seed: number): (dims: number[], from?: number, to?: number) => ConstantTensor {
  const random = new Random(seed);
  return (dims, from = -1, to = 1) =>
    floats(
      Float32Array.from({ length: sizeOf(dims) }, () => from + random.next() * (to - from)),
      dims,
    );
}

/** A model of one input 'x' and one output 'y', both of floats if nothing else is said. */
export function oneToOne(
  nodes: Node[],
  constants: Record<string, ConstantTensor>,
  opset: number,
  dims: ValueInfo['dims'],
  more: Partial<Model> = {},
): Model {
  return {
    opset,
    irVersion: 10,
    metadata: {},
    ...more,
    graph: {
      name: 'g',
      nodes,
      initializers: new Map(Object.entries(constants)),
      inputs: [{ name: 'x', type: 1, dims }],
      outputs: [{ name: 'y', type: 1 }],
    },
  };
}

/** The bytes of a model as any exporter may write it, by the format's own field names. */
export function encodeProto(graph: Record<string, unknown>, model: Record<string, unknown> = {}): Uint8Array {
  const type = modelProto();
  const whole = { irVersion: 8, opsetImport: [{ domain: '', version: 17 }], graph, ...model };
  return type.encode(type.fromObject(whole)).finish();
}

/** Encodes a model with the data of its constants in other files, one for each place in `where`. */
export function encodeExternal(
  model: Model,
  where: (name: string) => { location: string; offset?: number } | undefined,
): { bytes: Uint8Array; files: Map<string, Buffer> } {
  const type = modelProto();
  const proto = type.toObject(type.decode(encodeModel(model)), { longs: Number });
  const files = new Map<string, Buffer>();
  for (const t of proto.graph.initializer) {
    const place = where(t.name);
    if (!place) continue;
    const before = files.get(place.location) ?? Buffer.alloc(0);
    const offset = place.offset ?? before.length;
    files.set(place.location, Buffer.concat([before, Buffer.alloc(offset - before.length), t.rawData]));
    t.externalData = Object.entries({ location: place.location, offset, length: t.rawData.length }).map(
      ([key, value]) => ({ key, value: String(value) }),
    );
    t.dataLocation = 1;
    delete t.rawData;
  }
  return { bytes: type.encode(type.fromObject(proto)).finish(), files };
}
