import type { GraphBuilder } from '../onnx/builder.js';
import { floatAttribute, int, intAttribute, sizeOf } from '../onnx/model.js';
import { add, mul, reshape, sum } from './rule.js';

/** A product left'right of matrices that have a row for each sample, or several. */
interface Factors {
  left: string;
  right: string;
}

/**
 * The inner product of two tensors of one shape. Gradients of a dense layer's weight are products l'r over samples, and
 * theirs is the sum of (l1 l2')(r1 r2') over all pairs of samples: where one has few samples, that is less work than
 * to make the other gradient, which then may not be needed at all.
 */
export function dot(b: GraphBuilder, p: string, q: string): string {
  const [a, c] = [factorsOf(b, p), factorsOf(b, q)];
  if (a && c) {
    const rows = Math.min(b.shape(a.left)[0]!, b.shape(c.left)[0]!);
    const [m, n] = b.shape(p) as [number, number];
    if (rows * (m + n) < m * n) {
      const pairs = (x: string, y: string) => b.op('Gemm', [x, y], { transB: int(1) });
      return sum(b, mul(b, pairs(a.left, c.left), pairs(a.right, c.right)), [0, 1]);
    }
  }
  const row = (t: string) => reshape(b, t, [1, sizeOf(b.shape(t))]);
  // As a product of a row and a column, which is one pass where multiplying and adding up are two.
  return reshape(b, b.op('Gemm', [row(p), row(q)], { transB: int(1) }), []);
}

/** The inner product of two sets of gradients, parameter -> gradient, over all parameters. */
export function dotOfAll(
  b: GraphBuilder,
  p: ReadonlyMap<string, string>,
  q: ReadonlyMap<string, string>,
): string {
  return [...p].map(([name, g]) => dot(b, g, q.get(name)!)).reduce((total, part) => add(b, total, part));
}

function factorsOf(b: GraphBuilder, name: string): Factors | undefined {
  const product = b.producer(name);
  if (product?.op !== 'Gemm' || product.inputs.length !== 2) return undefined;
  const [transA, transB] = ['transA', 'transB'].map((of) => intAttribute(product, of, 0));
  if (transA !== 1 || transB !== 0 || floatAttribute(product, 'alpha', 1) !== 1) return undefined;
  return { left: product.inputs[0]!, right: product.inputs[1]! };
}
