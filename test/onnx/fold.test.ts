import { describe, expect, it } from 'vitest';
import { foldConstants } from '../../src/onnx/fold.js';
import {
  type ConstantTensor,
  ElementType,
  floats,
  type Graph,
  int,
  int64s,
  ints,
  type Node,
  node,
} from '../../src/onnx/model.js';

const graph = (nodes: Node[], constants: Record<string, ConstantTensor>): Graph => ({
  name: 'g',
  nodes,
  initializers: new Map(Object.entries(constants)),
  inputs: [{ name: 'x', type: ElementType.float, dims: ['N', 2] }],
  outputs: [{ name: 'y', type: ElementType.float }],
});

describe('folding of constants', () => {
  it('makes a transposed weight a constant, by way of everything before it', () => {
    const g = graph(
      [
        node('Reshape', ['raw', 'to'], ['matrix']),
        node('Transpose', ['matrix'], ['w'], { perm: ints([1, 0]) }),
        node('MatMul', ['x', 'w'], ['y']),
      ],
      { raw: floats([1, 2, 3, 4, 5, 6], [6]), to: int64s([3, 2]) },
    );
    const folded = foldConstants(g);
    expect(folded.nodes.map((n) => n.op)).toEqual(['MatMul']);
    expect(folded.initializers.get('w')).toEqual(floats([1, 3, 5, 2, 4, 6], [2, 3]));
    expect(g.nodes.length).toBe(3);
    expect(g.initializers.size).toBe(2);
  });

  it('leaves what depends on the batch, and what is an output', () => {
    const g = graph(
      [
        node('Shape', ['x'], ['shape']),
        node('Gather', ['shape', 'zero'], ['n']),
        node('Neg', ['c'], ['y']),
        node('Shape', ['c'], ['known']),
      ],
      { zero: int64s([0]), c: floats([1, 2], [2]) },
    );
    const folded = foldConstants(g);
    expect(folded.nodes.map((n) => n.outputs[0])).toEqual(['shape', 'n', 'y']);
    expect(folded.initializers.get('known')).toEqual(int64s([2]));
  });

  it('computes nothing that is much larger than what it is computed of', () => {
    const large = graph([node('Expand', ['c', 'to'], ['e']), node('Add', ['x', 'e'], ['y'])], {
      c: floats([1], [1]),
      to: int64s([100_000, 100_000]),
    });
    expect(foldConstants(large).nodes.length).toBe(2);
    const rows = graph(
      [node('Concat', ['c', 'c'], ['e'], { axis: int(0) }), node('Add', ['x', 'e'], ['y'])],
      { c: floats(new Float32Array(10_000), [10_000]) },
    );
    expect(foldConstants(rows).initializers.get('e')!.dims).toEqual([20_000]);
  });
});
