import { describe, expect, it } from 'vitest';
import { dequantize } from '../../src/onnx/dequantize.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  floats,
  int,
  type Node,
  node,
} from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { expectNear, expectSameNormalized, outputOf } from './expect-same.js';
import { oneToOne } from './models.js';

const bytes = (type: 'int8' | 'uint8', values: number[], dims = [values.length]): ConstantTensor => ({
  type: ElementType[type],
  dims,
  data: (type === 'int8' ? Int8Array : Uint8Array).from(values),
});
const ramp = Array.from({ length: 24 }, (_, i) => ((i * 37) % 251) - 125);
const unsigned = ramp.map((v) => v + 128);
const add = node('Add', ['x', 'f'], ['y']);
const toFloat = (inputs: string[], attributes: Record<string, Attribute> = {}) => [
  node('DequantizeLinear', inputs, ['f'], attributes),
  add,
];

describe('a quantized constant becomes floats, as the runtime has it,', () => {
  it.each<[string, number, Node[], Record<string, ConstantTensor>]>([
    [
      'of one scale',
      10,
      toFloat(['q', 's']),
      { q: bytes('int8', ramp, [2, 3, 4]), s: floats([0.03], []), z: bytes('int8', [0], []) },
    ],
    [
      'with a zero point',
      13,
      toFloat(['q', 's', 'z']),
      { q: bytes('uint8', unsigned, [2, 3, 4]), s: floats([0.03], []), z: bytes('uint8', [120], []) },
    ],
    [
      'of a scale for each slice',
      13,
      toFloat(['q', 's', 'z'], { axis: int(-2) }),
      { q: bytes('int8', ramp, [2, 3, 4]), s: floats([0.01, 0.02, 0.05], [3]), z: bytes('int8', [1, -2, 3]) },
    ],
    [
      'of a scale for each slice of the usual axis',
      17,
      toFloat(['q', 's']),
      { q: bytes('int8', ramp, [2, 3, 4]), s: floats([0.01, 0.02, 0.05], [3]) },
    ],
    [
      'of 32 bits',
      17,
      toFloat(['q', 's']),
      {
        q: { type: ElementType.int32, dims: [24], data: Int32Array.from(ramp, (v) => v * 1000) },
        s: floats([1e-5], []),
      },
    ],
    [
      'of a scale for each block',
      21,
      toFloat(['q', 's', 'z'], { axis: int(1), block_size: int(2) }),
      {
        q: bytes('int8', ramp, [2, 4, 3]),
        s: floats(
          Array.from({ length: 12 }, (_, i) => 0.01 * (i + 1)),
          [2, 2, 3],
        ),
        z: bytes(
          'int8',
          Array.from({ length: 12 }, (_, i) => i - 5),
          [2, 2, 3],
        ),
      },
    ],
    [
      'of 4 bits',
      21,
      toFloat(['q', 's']),
      {
        q: { type: ElementType.int4, dims: [2, 3, 4], data: Uint8Array.from(unsigned.slice(0, 12)) },
        s: floats([0.3], []),
      },
    ],
    [
      'of 4 bits without sign',
      21,
      toFloat(['q', 's', 'z']),
      {
        q: { type: ElementType.uint4, dims: [2, 3, 4], data: Uint8Array.from(unsigned.slice(0, 12)) },
        s: floats([0.3], []),
        z: { type: ElementType.uint4, dims: [], data: Uint8Array.of(7) },
      },
    ],
    [
      'that was floats before',
      13,
      [node('QuantizeLinear', ['w', 's', 'z'], ['q']), ...toFloat(['q', 's', 'z'])],
      {
        w: floats(
          ramp.map((v) => v / 40),
          [2, 3, 4],
        ),
        s: floats([0.02], []),
        z: bytes('int8', [5], []),
      },
    ],
    [
      'that was floats before, halfway between two steps',
      13,
      [node('QuantizeLinear', ['w', 's'], ['q']), ...toFloat(['q', 's'])],
      { w: floats([0.25, 0.75, 1.25, 1.75, 200, -3], [6]), s: floats([0.5], []) },
    ],
  ])('%s', async (_, opset, nodes, constants) => {
    const shape = Object.values(constants)[0]!.dims;
    const { graph } = await expectSameNormalized(oneToOne(nodes, constants, opset, shape), shape, 1e-6);
    expect(graph.nodes.map((n) => n.op)).toEqual(['Add']);
  });
});

const pair = (scale = 's') => [
  node('QuantizeLinear', ['x', 's', 'z'], ['q']),
  node('DequantizeLinear', ['q', scale, 'z'], ['y']),
];
const constants = {
  s: floats([0.01], []),
  t: floats([0.02], []),
  two: floats([0.01, 0.02], [2]),
  z: bytes('uint8', [100], []),
};

describe('a pair around an activation', () => {
  it('becomes its limits', async () => {
    const model = oneToOne(pair(), constants, 13, [7]);
    const { graph } = normalize(model);
    expect(graph.nodes.map((n) => n.op)).toEqual(['Clip']);
    const x = floats([-3, -1, -0.998, 0.1234, 1.55, 1.551, 9], [7]);
    const rounded = await outputOf(model, x);
    const clipped = await outputOf({ ...model, graph }, x);
    expect([...clipped].map((v) => v.toFixed(4))).toEqual([
      '-1.0000',
      '-1.0000',
      '-0.9980',
      '0.1234',
      '1.5500',
      '1.5500',
      '1.5500',
    ]);
    expectNear(clipped, rounded, 0.00501);
  });

  it('becomes its limits where its scale comes by way of an Identity and its zero point of a Cast', () => {
    const from = { ...constants, s0: floats([0.02], []), z0: floats([7], []) };
    const nodes = [
      node('Identity', ['s0'], ['s1']),
      node('Cast', ['z0'], ['z1'], { to: int(ElementType.uint8) }),
      node('QuantizeLinear', ['x', 's1', 'z1'], ['q']),
      node('DequantizeLinear', ['q', 's1', 'z1'], ['y']),
    ];
    const { graph } = normalize(oneToOne(nodes, from, 17, ['N', 4]));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Clip']);
    const [low, high] = graph.nodes[0]!.inputs.slice(1).map((i) => graph.initializers.get(i)!.data[0]);
    expect([low, high]).toEqual([Math.fround(-7 * Math.fround(0.02)), Math.fround(248 * Math.fround(0.02))]);
  });

  it('in operator set 10, too', () => {
    const { graph } = normalize(oneToOne(pair(), constants, 10, [7]));
    expect(graph.nodes[0]!.inputs.map((i) => Number(graph.initializers.get(i)?.data[0]).toFixed(2))).toEqual([
      'NaN',
      '-1.00',
      '1.55',
    ]);
  });

  it.each<[string, Node[], RegExp]>([
    ['another scale', pair('t'), /'y' \(DequantizeLinear\): its scale and zero point are not those/],
    ['a scale that is computed', [node('QuantizeLinear', ['x', 'x'], ['y'])], /must be constants/],
    ['two scales', [node('QuantizeLinear', ['x', 'two'], ['y'])], /'y' \(QuantizeLinear\): it has 2 scales/],
    [
      'an operator within that computes with bytes',
      [pair()[0]!, node('MaxPool', ['q'], ['m']), node('DequantizeLinear', ['m', 's', 'z'], ['y'])],
      /'m' \(MaxPool\): it computes with integers.*Cut the network later, behind its last quantized node 'y'/,
    ],
    [
      'an operator of integers',
      [node('ConvInteger', ['x', 'w'], ['y'])],
      /'y' \(ConvInteger\): it computes with integers/,
    ],
    [
      'a range that is found at run time',
      [
        node('DynamicQuantizeLinear', ['x'], ['q', 's1', 'z1']),
        node('DequantizeLinear', ['q', 's1', 'z1'], ['y']),
      ],
      /'q' \(DynamicQuantizeLinear\): it computes with integers/,
    ],
    ['no way back', [node('QuantizeLinear', ['x', 's', 'z'], ['y'])], /the output 'y' is quantized/],
  ])('with %s is refused', (_, nodes, message) => {
    const model = oneToOne(nodes, constants, 13, [1, 1, 7]);
    expect(() => dequantize(model)).toThrow(expect.objectContaining({ code: 'onnx-invalid' }));
    expect(() => dequantize(model)).toThrow(message);
  });
});
