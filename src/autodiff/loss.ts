import type { GraphBuilder } from '../onnx/builder.js';
import { int } from '../onnx/model.js';
import { mul, neg, scale, sum } from './rule.js';

/**
 * Adds the mean softmax cross-entropy.
 * @param logits [N, C]
 * @param targets [N, C], rows that sum to 1; a row of zeros takes no part (its weight is zero)
 * @returns the scalar loss: the sum over rows divided by N
 */
export function crossEntropy(b: GraphBuilder, logits: string, targets: string, name = 'loss'): string {
  const rows = b.shape(logits)[0]!;
  const each = mul(b, b.op('LogSoftmax', [logits], { axis: int(1) }), targets);
  const total = sum(b, each, [0, 1]);
  return b.op('Identity', [neg(b, scale(b, total, 1 / rows))], {}, name);
}
