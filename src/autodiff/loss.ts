import type { GraphBuilder } from '../onnx/builder.js';
import { int } from '../onnx/model.js';
import { mul, neg, scale, sum } from './rule.js';

/**
 * Adds the mean softmax cross-entropy.
 * @param logits [N, C]
 * @param targets [N, C], rows that sum to 1; a row of zeros takes no part (its weight is zero)
 * @param rows what the sum over rows is divided by; N, unless these are a part of more rows
 * @returns the scalar loss
 */
export function crossEntropy(
  b: GraphBuilder,
  logits: string,
  targets: string,
  name = 'loss',
  rows = b.shape(logits)[0]!,
): string {
  const total = sum(b, weighted(b, logits, targets), [0, 1]);
  return b.op('Identity', [neg(b, scale(b, total, 1 / rows))], {}, name);
}

/**
 * Each sample's softmax cross-entropy.
 * @param logits [N, C]
 * @param targets [N, C]
 * @returns [N]
 */
export function sampleLosses(b: GraphBuilder, logits: string, targets: string): string {
  return neg(b, sum(b, weighted(b, logits, targets), [1]));
}

/** The log-probabilities of all classes, times their targets; [N, C]. */
const weighted = (b: GraphBuilder, logits: string, targets: string): string =>
  mul(b, b.op('LogSoftmax', [logits], { axis: int(1) }), targets);
