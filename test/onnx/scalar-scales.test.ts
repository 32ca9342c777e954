import { expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { ElementType, floats, type Model, node } from '../../src/onnx/model.js';
import { scalarScales } from '../../src/onnx/scalar-scales.js';

/** A sum of two quantized tensors, quantized again: what the runtime fuses into one node. */
const model: Model = {
  opset: 17,
  irVersion: 8,
  metadata: {},
  graph: {
    name: 'g',
    nodes: [
      node('Identity', ['s'], ['t']),
      node('QuantizeLinear', ['x', 's', 'z'], ['q']),
      node('DequantizeLinear', ['q', 's', 'z'], ['a']),
      node('Relu', ['a'], ['r']),
      node('QuantizeLinear', ['r', 't', 'z'], ['p']),
      node('DequantizeLinear', ['p', 't', 'z'], ['b']),
      node('Add', ['a', 'b'], ['c']),
      node('QuantizeLinear', ['c', 't', 'z'], ['o']),
      node('DequantizeLinear', ['o', 't', 'z'], ['y']),
    ],
    initializers: new Map([
      ['s', floats([0.5], [1])],
      ['z', { type: ElementType.uint8, dims: [1], data: Uint8Array.of(100) }],
    ]),
    inputs: [{ name: 'x', type: ElementType.float, dims: ['N', 4] }],
    outputs: [{ name: 'y', type: ElementType.float }],
  },
};

it('a network quantized by vectors of one element runs, which the runtime refuses as it is', async () => {
  const engine = new OrtEngine();
  await expect(engine.compile(model)).rejects.toThrow(/must be a scalar/);
  const program = await engine.compile(scalarScales(model));
  const x = { dims: [1, 4], data: Float32Array.of(-3, 0.6, 2, 9) };
  expect([...(await program.run({ x })).y!.data]).toEqual([-3, 1, 4, 18]);
  await program.close();
  expect(scalarScales(scalarScales(model)).graph).toEqual(scalarScales(model).graph);
});
