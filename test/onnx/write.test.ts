import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import {
  type ConstantTensor,
  ElementType,
  floats,
  int,
  type Model,
  node,
  type TensorData,
} from '../../src/onnx/model.js';
import { decodeModel, readModel } from '../../src/onnx/read.js';
import { encodeModel, writeModel } from '../../src/onnx/write.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const FILE = 'models/efficientnet-lite0.onnx';

const bytesOf = (data: TensorData) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

function expectSame(again: Model, model: Model): void {
  const { initializers, ...rest } = again.graph;
  const { initializers: wanted, ...wantedRest } = model.graph;
  expect({ ...again, graph: rest }).toEqual({ ...model, graph: wantedRest });
  expect([...initializers.keys()]).toEqual([...wanted.keys()]);
  for (const [name, t] of wanted) {
    const { type, dims, data } = initializers.get(name)!;
    expect({ type, dims }, name).toEqual({ type: t.type, dims: t.dims });
    expect(data.constructor, name).toBe(t.data.constructor);
    expect(bytesOf(data).equals(bytesOf(t.data)), name).toBe(true);
  }
}

/** A model with one of everything that the format keeps. */
function manifold(): Model {
  const types: [keyof typeof ElementType, TensorData][] = [
    ['float', Float32Array.of(1.5, Number.NaN, -0, Number.POSITIVE_INFINITY)],
    ['double', Float64Array.of(Math.PI, -1, 0, 1e300)],
    ['int8', Int8Array.of(-128, 127, 0, 1)],
    ['uint8', Uint8Array.of(0, 255, 1, 2)],
    ['int16', Int16Array.of(-32768, 32767, 0, 1)],
    ['uint16', Uint16Array.of(65535, 0, 1, 2)],
    ['int32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, 1)],
    ['int64', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 0n, 1n)],
    ['uint32', Uint32Array.of(2 ** 32 - 1, 0, 1, 2)],
    ['uint64', BigUint64Array.of(2n ** 64n - 1n, 0n, 1n, 2n)],
    ['bool', Uint8Array.of(1, 0, 1, 1)],
    ['float16', Uint16Array.of(0x3c00, 0x7e00, 0x8000, 1)],
  ];
  const initializers = new Map<string, ConstantTensor>(
    types.map(([name, data]) => [name, { type: ElementType[name], dims: [2, 2], data }]),
  );
  initializers.set('scalar', floats([2], []));
  initializers.set('empty', floats([], [0, 3]));
  const odd = node('Odd', ['x', '', 'scalar'], ['y', '', 'z'], {
    i: int(-7),
    f: { kind: 'float', value: 0.25 },
    s: { kind: 'string', value: 'wört' },
    is: { kind: 'ints', value: [-1, 2 ** 40, 2 ** 63, -(2 ** 63)] },
    fs: { kind: 'floats', value: [0.5, -0.5] },
    ss: { kind: 'strings', value: ['a', ''] },
    t: { kind: 'tensor', value: floats([1, 2], [1, 2]) },
  });
  return {
    opset: 13,
    domains: { 'com.microsoft': 1, somewhere: 3 },
    irVersion: 7,
    metadata: { license: 'none', ключ: 'значение' },
    graph: {
      name: 'manifold',
      nodes: [{ ...odd, domain: 'somewhere' }],
      initializers,
      inputs: [
        { name: 'x', type: ElementType.float16, dims: ['N', 3, null, 0] },
        { name: 'w', type: ElementType.float, dims: [] },
      ],
      outputs: [{ name: 'y', type: ElementType.int64, dims: undefined }],
    },
  };
}

describe('a written model', () => {
  it('has all that the one had that comes with Lichen', () => {
    const model = readModel(FILE);
    expectSame(decodeModel(encodeModel(model)), model);
  });

  it('answers as the untouched file does, bit by bit', async () => {
    const file = scratch.path('copy.onnx');
    writeModel(file, readModel(FILE));
    const image = Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => Math.sin(i));
    const answers: Float32Array[] = [];
    for (const source of [FILE, file]) {
      const session = await ort.InferenceSession.create(source, { intraOpNumThreads: 1 });
      const { features } = await session.run({ image: new ort.Tensor('float32', image, [1, 3, 224, 224]) });
      answers.push(features!.data as Float32Array);
      await session.release();
    }
    expect(bytesOf(answers[1]!).equals(bytesOf(answers[0]!))).toBe(true);
    expect(answers[0]!.some((v) => v > 0)).toBe(true);
  });

  it('keeps every type, attribute, dimension and name', () => {
    const model = manifold();
    expectSame(decodeModel(encodeModel(model)), model);
  });

  it('is the same bytes again', () => {
    const bytes = encodeModel(manifold());
    expect(Buffer.from(encodeModel(decodeModel(bytes))).equals(bytes)).toBe(true);
    writeModel(scratch.path('m.onnx'), manifold());
    expect(readFileSync(scratch.path('m.onnx')).equals(bytes)).toBe(true);
  });

  it('says which file cannot be written', () => {
    const write = () => writeModel(scratch.path('none', 'm.onnx'), manifold());
    expect(write).toThrow(LichenError);
    expect(write).toThrow(/cannot write .*none\/m\.onnx: ENOENT/);
  });
});
