import { describe, expect, it } from 'vitest';
import { multiplyAdds } from '../../src/inspect/multiply-adds.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { type Attribute, int, ints } from '../../src/onnx/model.js';
import { weight } from './networks.js';

/** Multiply-adds of one operator on inputs of these shapes. */
function count(op: string, shapes: number[][], attributes: Record<string, Attribute> = {}): number {
  const b = new GraphBuilder();
  const inputs = shapes.map((s, i) => (i === 0 ? b.input('x', s) : weight(b, s)));
  b.op(op, inputs, attributes, 'y');
  return multiplyAdds(b.producer('y')!, (name) => b.shape(name));
}

describe('multiply-adds, counted by hand', () => {
  it('a convolution: output elements times kernel elements', () => {
    // 8 x 8 with stride 2 and padding 1 gives 4 x 4; 5 channels from 3, each of 3 x 3.
    const attributes = { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };
    expect(count('Conv', [[1, 3, 8, 8], [5, 3, 3, 3], [5]], attributes)).toBe(5 * 4 * 4 * 3 * 9);
  });

  it('a depthwise convolution reads one channel, one in two groups half of them', () => {
    expect(
      count(
        'Conv',
        [
          [1, 6, 5, 5],
          [6, 1, 3, 3],
        ],
        { group: int(6) },
      ),
    ).toBe(6 * 3 * 3 * 9);
    expect(
      count(
        'Conv',
        [
          [1, 6, 5, 5],
          [4, 3, 1, 1],
        ],
        { group: int(2) },
      ),
    ).toBe(4 * 5 * 5 * 3);
  });

  it('a one-dimensional and a dilated convolution', () => {
    expect(
      count(
        'Conv',
        [
          [1, 2, 10],
          [3, 2, 3],
        ],
        { dilations: ints([2]) },
      ),
    ).toBe(3 * 6 * 2 * 3);
  });

  it('a transposed convolution: input elements times kernel elements', () => {
    expect(
      count(
        'ConvTranspose',
        [
          [1, 4, 5, 5],
          [4, 2, 3, 3],
        ],
        { strides: ints([2, 2]) },
      ),
    ).toBe(4 * 5 * 5 * 2 * 9);
  });

  it('products of matrices, turned or not, with leading axes', () => {
    expect(count('Gemm', [[7, 11], [11, 5], [5]])).toBe(7 * 11 * 5);
    expect(
      count(
        'Gemm',
        [
          [11, 7],
          [5, 11],
        ],
        { transA: int(1), transB: int(1) },
      ),
    ).toBe(7 * 11 * 5);
    expect(
      count('MatMul', [
        [2, 3, 7, 11],
        [11, 5],
      ]),
    ).toBe(2 * 3 * 7 * 11 * 5);
    expect(count('MatMul', [[7, 11], [11]])).toBe(7 * 11);
  });

  it('all else is none', () => {
    expect(count('Relu', [[1, 64, 56, 56]])).toBe(0);
    expect(count('GlobalAveragePool', [[1, 64, 56, 56]])).toBe(0);
  });
});
