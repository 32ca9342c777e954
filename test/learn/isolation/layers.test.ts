import { describe, expect, it } from 'vitest';
import { weightLayer } from '../../../src/learn/isolation/layers.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { type Attribute, floats, int, sizeOf } from '../../../src/onnx/model.js';

/** A node that reads an input, a weight of 2 x 3 or another shape, and a bias. */
function layerOf(op: string, weight: number[], bias?: number[], attributes: Record<string, Attribute> = {}) {
  const b = new GraphBuilder();
  const values = (dims: number[]) =>
    floats(
      Float32Array.from({ length: sizeOf(dims) }, (_, i) => i + 1),
      dims,
    );
  const channels =
    op === 'Conv' ? weight[1]! * (attributes.group?.kind === 'int' ? attributes.group.value : 1) : 0;
  const width = attributes.transB ? weight[1]! : weight[0]!;
  const x = b.input('x', op === 'Conv' ? [1, channels, 4, 4] : [5, width]);
  const inputs = [x, b.constant(values(weight)), ...(bias ? [b.constant(values(bias))] : [])];
  b.op(op, inputs, attributes, 'y');
  return weightLayer(b.graph(), b.nodes[0]!);
}

describe('a weight layer', () => {
  it.each([
    ['MatMul', [2, 3], {}, 3, [3]],
    ['Gemm', [2, 3], {}, 3, [3]],
    ['Gemm', [2, 3], { transB: int(1) }, 2, [2, 1]],
    ['Conv', [6, 2, 3, 3], {}, 6, [6, 1, 1, 1]],
    ['Conv', [6, 2, 1, 1], { group: int(3) }, 6, [6, 1, 1, 1]],
  ])(
    '%s of a weight [%s] has its output channels where the operator has them',
    (op, dims, attributes, channels, wide) => {
      const layer = layerOf(op, dims as number[], undefined, attributes as Record<string, Attribute>);
      expect(layer).toMatchObject({ channels, perChannel: wide, depthwise: false, bias: undefined });
    },
  );

  it('is depthwise where every channel has a kernel of its own', () => {
    expect(layerOf('Conv', [4, 1, 3, 3], undefined, { group: int(4) })?.depthwise).toBe(true);
    expect(layerOf('Conv', [8, 1, 3, 3], undefined, { group: int(4) })?.depthwise).toBe(false);
  });

  it.each([
    ['one value a channel', [3], [1, 2, 3]],
    ['a row', [1, 3], [1, 2, 3]],
    ['one value for all channels', [1], [1, 1, 1]],
  ])('has a bias of %s', (_, dims, expected) => {
    expect(Array.from(layerOf('Gemm', [2, 3], dims)!.bias!)).toEqual(expected);
  });

  it('is none where the bias differs from row to row, or is computed: nothing could take its place', () => {
    expect(layerOf('Gemm', [2, 3], [5, 1])).toBeUndefined();
    const b = new GraphBuilder();
    const inputs = [b.input('x', [5, 2]), b.constant(floats(new Float32Array(6), [2, 3])), b.input('c', [3])];
    b.op('Gemm', inputs, {}, 'y');
    expect(weightLayer(b.graph(), b.nodes[0]!)).toBeUndefined();
  });
});
