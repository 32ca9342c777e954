import { mkdirSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { cutPoints } from '../../src/onnx/cut.js';
import { inline } from '../../src/onnx/inline.js';
import { ElementType, type Model, node } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { decodeModel, readModel } from '../../src/onnx/read.js';
import { encodeModel } from '../../src/onnx/write.js';
import { tinyModel } from '../backbone/tiny-backbone.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';
import { encodeProto as encode } from './models.js';

const scratch = scratchFolder();

const value = (name: string) => ({
  name,
  type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } },
});
const relu = { opType: 'Relu', input: ['x'], output: ['y'] };
const plain = { name: 'g', node: [relu], input: [value('x')], output: [value('y')] };
const withTensor = (tensor: Record<string, unknown>) => ({
  ...plain,
  node: [{ opType: 'Add', input: ['x', 'c'], output: ['y'] }],
  initializer: [{ name: 'c', dims: [2], dataType: 1, ...tensor }],
});

/** All that a backbone's model goes through before it is compiled. */
function useWhole(model: Model): void {
  cutPoints(model.graph);
  const { graph } = normalize(model);
  const b = new GraphBuilder();
  for (const i of graph.inputs) b.input(i.name, [1, 3, 8, 8]);
  inline(b, graph, new Map(graph.inputs.map((i) => [i.name, i.name])));
  encodeModel(b.model());
}

describe('a model is read', () => {
  it('that comes with Lichen', () => {
    const model = readModel('models/efficientnet-lite0.onnx');
    expect(model.opset).toBe(17);
    expect(model.graph.inputs).toEqual([{ name: 'image', type: 1, dims: ['N', 3, 224, 224] }]);
    expect(new Set(model.graph.nodes.map((n) => n.op))).toEqual(
      new Set(['Conv', 'Clip', 'Add', 'GlobalAveragePool', 'Flatten']),
    );
    expect(model.metadata.license).toBe('Apache-2.0');
  });

  it('whatever its values are written in', () => {
    const types: [number, Record<string, unknown>, number[]][] = [
      [ElementType.float, { floatData: [1.5, -2] }, [1.5, -2]],
      [ElementType.double, { doubleData: [1.5, -2] }, [1.5, -2]],
      [ElementType.int32, { int32Data: [7, -8] }, [7, -8]],
      [ElementType.int8, { int32Data: [7, -8] }, [7, -8]],
      [ElementType.uint8, { int32Data: [7, 200] }, [7, 200]],
      [ElementType.bool, { int32Data: [1, 0] }, [1, 0]],
      [ElementType.int16, { int32Data: [7, -8] }, [7, -8]],
      [ElementType.float16, { int32Data: [0x3c00, 0xc000] }, [0x3c00, 0xc000]],
      [ElementType.int64, { int64Data: [7, -8] }, [7, -8]],
      [ElementType.uint64, { uint64Data: [7, 8] }, [7, 8]],
      [ElementType.uint32, { uint64Data: [7, 8] }, [7, 8]],
      [ElementType.float, { rawData: Buffer.from(Float32Array.of(1.5, -2).buffer) }, [1.5, -2]],
    ];
    for (const [dataType, data, expected] of types) {
      const { graph } = decodeModel(encode(withTensor({ dataType, ...data })));
      const c = graph.initializers.get('c')!;
      expect(c).toMatchObject({ type: dataType, dims: [2] });
      expect(Array.from(c.data, Number), `type ${dataType}`).toEqual(expected);
    }
  });

  it('with fixed, symbolic and unknown dimensions, and with no shape at all', () => {
    const of = (shape: unknown) => ({ name: 'x', type: { tensorType: { elemType: 1, shape } } });
    const dims = (shape?: unknown) =>
      decodeModel(encode({ ...plain, input: [of(shape)] })).graph.inputs[0]!.dims;
    expect(dims({ dim: [{ dimParam: 'N' }, { dimValue: 3 }, {}] })).toEqual(['N', 3, null]);
    expect(dims({ dim: [] })).toEqual([]);
    expect(dims()).toBeUndefined();
  });

  it('with Constant nodes as constants, and constants listed as inputs not as inputs', () => {
    const constant = {
      opType: 'Constant',
      output: ['c'],
      attribute: [{ name: 'value', type: 4, t: { dims: [2], dataType: 1, floatData: [3, 4] } }],
    };
    const add = { opType: 'Add', input: ['x', 'c'], output: ['y'], domain: 'ai.onnx' };
    const { graph } = decodeModel(encode({ ...plain, node: [constant, add] }));
    expect(graph.nodes).toEqual([node('Add', ['x', 'c'], ['y'])]);
    expect([...graph.initializers.get('c')!.data]).toEqual([3, 4]);
    const listed = decodeModel(
      encode({ ...withTensor({ floatData: [1, 2] }), input: [value('x'), value('c')] }),
    );
    expect(listed.graph.inputs.map((i) => i.name)).toEqual(['x']);
  });

  it('with every kind of attribute', () => {
    const attribute = [
      { name: 'f', type: 1, f: 0.5 },
      { name: 'i', type: 2, i: -3 },
      { name: 's', type: 3, s: Buffer.from('täxt') },
      { name: 'fs', type: 6, floats: [1, 2] },
      { name: 'is', type: 7, ints: [-1, 5] },
      { name: 'ss', type: 8, strings: [Buffer.from('a'), Buffer.from('b')] },
    ];
    const { attributes } = decodeModel(encode({ ...plain, node: [{ ...relu, attribute }] })).graph.nodes[0]!;
    expect(Object.fromEntries(Object.entries(attributes).map(([k, a]) => [k, a.value]))).toEqual({
      f: 0.5,
      i: -3,
      s: 'täxt',
      fs: [1, 2],
      is: [-1, 5],
      ss: ['a', 'b'],
    });
  });

  it.each([7, 11, 17, 26])('in operator set %d', (version) => {
    expect(decodeModel(encode(plain, { opsetImport: [{ domain: 'ai.onnx', version }] })).opset).toBe(version);
  });
});

describe('a model is refused, with the reason', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>, RegExp]>([
    [
      'a node that reads its own output',
      { node: [{ opType: 'Add', input: ['x', 'y'], output: ['y'] }] },
      {},
      /its nodes 'y' read each other in a cycle/,
    ],
    [
      'two nodes that read each other',
      {
        node: [
          { opType: 'Add', input: ['x', 'b'], output: ['a'] },
          { opType: 'Add', input: ['x', 'a'], output: ['b'] },
        ],
      },
      {},
      /its nodes 'a', 'b' read each other in a cycle/,
    ],
    [
      'an input that nothing gives',
      { node: [{ opType: 'Relu', input: ['z'], output: ['y'] }] },
      {},
      /node 'y' \(Relu\) reads 'z', which nothing produces/,
    ],
    ['a tensor that is produced twice', { node: [relu, relu] }, {}, /'y' is produced twice/],
    ['an input that is produced', { node: [{ ...relu, output: ['x'] }] }, {}, /'x' is produced twice/],
    ['an output that nothing produces', { output: [value('w')] }, {}, /nothing produces output 'w'/],
    [
      'a subgraph',
      { node: [{ ...relu, attribute: [{ name: 'body', type: 5, g: {} }] }] },
      {},
      /attribute 'body' of node 'y' \(Relu\) is a subgraph; networks with branches and loops/,
    ],
    [
      'an element type that is not read',
      withTensor({ dataType: 8 }),
      {},
      /'c' has element type 8, which is not supported/,
    ],
    ['a shape of negative size', withTensor({ dims: [-1] }), {}, /'c' has shape \[-1\]/],
    [
      'a shape that the data does not have',
      withTensor({ floatData: [1, 2, 3] }),
      {},
      /'c' has shape \[2\] but 3 elements/,
    ],
    [
      'a shape that the raw data does not have',
      withTensor({ rawData: Buffer.alloc(9) }),
      {},
      /'c' has shape \[2\] but 9 bytes of data/,
    ],
    ['a shape too large for any memory', withTensor({ dims: [1e9, 1e9] }), {}, /'c' has shape/],
    ['sparse constants', { sparseInitializer: [{ dims: [2] }] }, {}, /sparse initializers/],
    ['local functions', {}, { functions: [{ name: 'f' }] }, /local functions/],
    ['no operator set', {}, { opsetImport: [] }, /names no standard operator set/],
    [
      "only another domain's operator set",
      {},
      { opsetImport: [{ domain: 'com.microsoft', version: 1 }] },
      /names no standard/,
    ],
    ['an operator set too old', {}, { opsetImport: [{ version: 6 }] }, /operator set 6; 7 to 26 can be read/],
    [
      'an operator set too new',
      {},
      { opsetImport: [{ version: 27 }] },
      /operator set 27; 7 to 26 can be read/,
    ],
  ])('%s', (_, graph, model, message) => {
    const error = errorOf(() => decodeModel(encode({ ...plain, ...graph }, model), 'some.onnx'));
    expect(error.code).toBe('onnx-invalid');
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^some\.onnx is not a usable ONNX model: /);
  });

  it('a folder, and a file that is not there', () => {
    mkdirSync(scratch.path('folder.onnx'));
    for (const [name, why] of [
      ['folder.onnx', 'it is not a regular file'],
      ['/dev/zero', 'it is not a regular file'],
      ['none.onnx', 'ENOENT'],
    ] as const) {
      const error = errorOf(() => readModel(name.startsWith('/') ? name : scratch.path(name)));
      expect(error.code).toBe('onnx-unreadable');
      expect(error.message).toContain(name);
      expect(error.message).toContain(why);
    }
  });

  it.each([
    ['text', Buffer.from('this is not a model at all')],
    ['nothing', new Uint8Array()],
    ['zeros', new Uint8Array(64)],
  ])('bytes that are %s', (_, bytes) => {
    expect(errorOf(() => decodeModel(bytes)).message).toMatch(/^the ONNX model is not a usable ONNX model: /);
  });

  it('messages within messages without end', () => {
    // GraphProto in AttributeProto in NodeProto in GraphProto, thousands of times.
    let bytes = Buffer.alloc(0);
    const wrap = (field: number, inner: Buffer) => {
      const length: number[] = [];
      for (let n = inner.length; ; n >>>= 7) {
        length.push(n > 127 ? (n & 127) | 128 : n);
        if (n <= 127) break;
      }
      return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), inner]);
    };
    for (let i = 0; i < 3000; i++) bytes = wrap(1, wrap(5, wrap(6, bytes)));
    expect(errorOf(() => decodeModel(wrap(7, bytes))).code).toBe('onnx-invalid');
  });
});

describe('a damaged model', () => {
  let bytes: Uint8Array;
  beforeAll(() => {
    bytes = encodeModel(tinyModel());
  });

  it('cut anywhere, is refused or whole', () => {
    for (let length = 0; length < bytes.length; length++) {
      try {
        useWhole(decodeModel(bytes.subarray(0, length)));
      } catch (error) {
        expect(error, `${length} bytes`).toBeInstanceOf(LichenError);
      }
    }
  });

  it('with bytes changed, is refused or usable, and never does anything else', () => {
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(changes, (list) => {
        const damaged = Uint8Array.from(bytes);
        for (const [at, to] of list) damaged[at] = to;
        try {
          useWhole(decodeModel(damaged));
        } catch (error) {
          if (!(error instanceof LichenError)) throw error;
        }
      }),
      { numRuns: 400, seed: 1 },
    );
  });

  it('with nodes that make no sense, too', () => {
    const names = ['image', 'stem', 'stem.relu', 'sum', 'features', '', 'none', 'c_0', '__proto__'];
    const ops = [
      'Conv',
      'Gemm',
      'MatMul',
      'Add',
      'BatchNormalization',
      'Dropout',
      'Identity',
      'Squeeze',
      'Reshape',
    ];
    const more = [
      'Pad',
      'Slice',
      'Split',
      'Softmax',
      'Clip',
      'Concat',
      'Transpose',
      'MaxPool',
      'ReduceMean',
      'Flatten',
    ];
    const change = fc.record(
      {
        at: fc.nat(6),
        op: fc.constantFrom(...ops, ...more, 'toString', 'constructor', '__proto__', 'Nonsense', ''),
        inputs: fc.array(fc.constantFrom(...names), { maxLength: 5 }),
        outputs: fc.array(fc.constantFrom('stem', 'stem.relu', 'inner', 'sum', 'features', ''), {
          maxLength: 2,
        }),
        opset: fc.constantFrom(7, 9, 11, 13, 17, 18),
        axis: fc.integer({ min: -9, max: 9 }),
      },
      { requiredKeys: ['at'] },
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const model = tinyModel();
        for (const { at, op, inputs, outputs, opset, axis } of changes) {
          const n = model.graph.nodes[at]!;
          if (op !== undefined) n.op = op;
          if (inputs) n.inputs = inputs;
          if (outputs) n.outputs = outputs;
          if (axis !== undefined) n.attributes.axis = { kind: 'int', value: axis };
          if (opset !== undefined) model.opset = opset;
        }
        try {
          useWhole(decodeModel(encodeModel(model)));
        } catch (error) {
          if (!(error instanceof LichenError)) throw error;
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
