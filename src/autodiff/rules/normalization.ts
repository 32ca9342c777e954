import type { GraphBuilder } from '../../onnx/builder.js';
import { floatAttribute, intAttribute } from '../../onnx/model.js';
import { add, div, mean, mul, neg, type Rule, reshape, scale, sub, sum, sumTo } from '../rule.js';

/**
 * The gradient through (x - mean) / deviation over axes.
 * @param d the gradient of what was normalized
 * @param normal what was normalized
 * @param inverse one over the deviation
 */
function throughStatistics(
  b: GraphBuilder,
  d: string,
  normal: string,
  inverse: string,
  axes: readonly number[],
): string {
  const along = mul(b, normal, mean(b, mul(b, d, normal), axes));
  return mul(b, inverse, sub(b, sub(b, d, mean(b, d, axes)), along));
}

/** A value per channel as it broadcasts over [N, C, ...]. */
const perChannel = (b: GraphBuilder, name: string, rank: number) =>
  reshape(b, name, [b.shape(name)[0]!, ...Array<number>(rank - 2).fill(1)]);

const allButChannels = (rank: number) => Array.from({ length: rank }, (_, i) => i).filter((i) => i !== 1);

/** Rules of normalizations. */
export const normalization: Record<string, Rule> = {
  LayerNormalization: ({ node, x, dy, b, wants }) => {
    const [input, weight, bias] = x as [string, string?, string?];
    const shape = b.shape(input);
    const given = intAttribute(node, 'axis', -1);
    const axis = given < 0 ? given + shape.length : given;
    const axes = shape.map((_, i) => i).filter((i) => i >= axis);
    const kept = shape.map((d, i) => (i < axis ? d : 1));
    // The forward node has both statistics already.
    const center = b.extraOutput(node, 1, kept);
    const inverse = b.extraOutput(node, 2, kept);
    const normal = mul(b, sub(b, input, center), inverse);
    const d = weight ? mul(b, dy, weight) : dy;
    return [
      wants(0) ? throughStatistics(b, d, normal, inverse, axes) : undefined,
      weight && wants(1) ? sumTo(b, mul(b, dy, normal), b.shape(weight)) : undefined,
      bias && wants(2) ? sumTo(b, dy, b.shape(bias)) : undefined,
    ];
  },
  InstanceNormalization: ({ node, x, dy, b, wants }) => {
    const [input, weight, bias] = x as [string, string, string];
    const rank = b.shape(input).length;
    const axes = allButChannels(rank).slice(1);
    const centered = sub(b, input, mean(b, input, axes));
    const variance = mean(b, b.op('Mul', [centered, centered]), axes);
    const epsilon = b.scalar(floatAttribute(node, 'epsilon', 1e-5));
    const inverse = div(b, b.scalar(1), b.op('Sqrt', [add(b, variance, epsilon)]));
    const normal = mul(b, centered, inverse);
    const d = mul(b, dy, perChannel(b, weight, rank));
    const perFeature = (p: string, like: string) =>
      reshape(b, sum(b, p, allButChannels(rank)), b.shape(like));
    return [
      wants(0) ? throughStatistics(b, d, normal, inverse, axes) : undefined,
      wants(1) ? perFeature(mul(b, dy, normal), weight) : undefined,
      wants(2) ? perFeature(dy, bias) : undefined,
    ];
  },
  // In inference form: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, all per channel.
  BatchNormalization: ({ node, x, dy, b, wants }) => {
    if (intAttribute(node, 'training_mode', 0) === 1) {
      throw new RangeError(
        'batch normalization in training form has no gradient here; export it for inference',
      );
    }
    const [input, weight, , center, variance] = x as [string, string, string, string, string];
    const rank = b.shape(input).length;
    const wide = (name: string) => perChannel(b, name, rank);
    const squared = add(b, wide(variance), b.scalar(floatAttribute(node, 'epsilon', 1e-5)));
    const inverse = div(b, b.scalar(1), b.op('Sqrt', [squared]));
    const factor = mul(b, wide(weight), inverse);
    const centered = () => sub(b, input, wide(center));
    const perFeature = (p: string) => sum(b, p, allButChannels(rank));
    const onDeviation = () => scale(b, mul(b, factor, div(b, centered(), squared)), -0.5);
    return [
      wants(0) ? mul(b, dy, factor) : undefined,
      wants(1) ? perFeature(mul(b, dy, mul(b, centered(), inverse))) : undefined,
      wants(2) ? perFeature(dy) : undefined,
      wants(3) ? perFeature(neg(b, mul(b, dy, factor))) : undefined,
      wants(4) ? perFeature(mul(b, dy, onDeviation())) : undefined,
    ];
  },
};
