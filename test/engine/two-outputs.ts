import { GraphBuilder } from '../../src/onnx/builder.js';
import type { Model } from '../../src/onnx/model.js';

/** sum = a + b and product = a * b, of two rows of three. */
export function twoOutputs(): Model {
  const b = new GraphBuilder();
  b.input('a', [2, 3]);
  b.input('b', [2, 3]);
  b.op('Add', ['a', 'b'], {}, 'sum');
  b.op('Mul', ['a', 'b'], {}, 'product');
  b.output('sum');
  b.output('product');
  return b.model();
}

export const tensor = (data: number[], dims: number[]) => ({ dims, data: Float32Array.from(data) });
export const a = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
export const b = tensor([10, 20, 30, 40, 50, 60], [2, 3]);
