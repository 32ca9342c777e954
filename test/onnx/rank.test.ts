import { describe, expect, it } from 'vitest';
import { floats, type Graph, int64s, node } from '../../src/onnx/model.js';
import { rankOf } from '../../src/onnx/rank.js';

const graph: Graph = {
  name: 'g',
  nodes: [
    node('Conv', ['x', 'w'], ['conv']),
    node('Relu', ['conv'], ['relu']),
    node('Add', ['bias', 'relu'], ['sum']),
    node('Flatten', ['sum'], ['flat']),
    node('MatMul', ['flat', 'm'], ['product']),
    node('Reshape', ['product', 'shape'], ['reshaped']),
    node('Gemm', ['flat', 'm'], ['gemm']),
    node('NonZero', ['gemm'], ['odd']),
    node('Relu', ['odd'], ['after']),
  ],
  initializers: new Map([
    ['w', floats([1, 1], [1, 1, 2])],
    ['m', floats([1, 1], [2, 1])],
    ['bias', floats([1], [1])],
    ['shape', int64s([1, 1, 2, 1, 1])],
  ]),
  inputs: [
    { name: 'x', type: 1 },
    { name: 'z', type: 1, dims: ['N', 3] },
  ],
  outputs: [{ name: 'after', type: 1 }],
};

describe('how many axes a tensor has', () => {
  const rank = rankOf(graph);

  it.each([
    ['z', 2],
    ['w', 3],
    ['conv', 3],
    ['relu', 3],
    ['sum', 3],
    ['flat', 2],
    ['product', 2],
    ['reshaped', 5],
    ['gemm', 2],
  ])('%s: %d', (name, axes) => {
    expect(rank(name)).toBe(axes);
  });

  it.each(['x', 'odd', 'after', 'none'])('%s: cannot be told', (name) => {
    expect(rank(name)).toBeUndefined();
  });
});
