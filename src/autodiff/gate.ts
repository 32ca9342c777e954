import type { GraphBuilder } from '../onnx/builder.js';
import { alpha, beta, type RuleContext, sub } from './rule.js';

/**
 * How steep a step function is: it lifts any value above 1 that is not zero for all purposes, and does not
 * overflow. A power of two, so that products with it are exact and a step lies just where it is meant to.
 */
export const STEEP = 2 ** 100;

/** min(1, max(0, slope * x + offset)): one pass over the values; comparisons, Sign and a scaled Clip take more. */
const step = (b: GraphBuilder, x: string, slope: number, offset: number): string =>
  b.op('HardSigmoid', [x], { ...alpha(slope), ...beta(offset) });

/** 1 where a value that is never negative is positive, else 0. */
export const positive = (b: GraphBuilder, x: string): string => step(b, x, STEEP, 0);

/** 1 where a clip lets its input through, else 0; undefined where it has no limits. */
export function clipGate({ b, x, y }: RuleContext): string | undefined {
  const [, lo, hi] = x;
  if (lo && hi) {
    const [low, high] = [constantOf(b, lo), constantOf(b, hi)];
    const middle = Math.fround((low + high) / 2);
    const half = Math.fround(high - middle);
    // Only where the limits are as far from the middle in single precision as in truth, as for relu6.
    if (half > 0 && half === Math.fround(middle - low)) {
      // Less steep where wide limits would overflow.
      const slope = Math.min(STEEP, 2 ** (120 - Math.ceil(Math.log2(half))));
      return step(b, b.op('Abs', [sub(b, y, b.scalar(middle))]), -slope, half * slope);
    }
    return step(b, b.op('Mul', [sub(b, y, lo), sub(b, hi, y)]), STEEP, 0);
  }
  if (lo) return positive(b, sub(b, y, lo));
  return hi ? positive(b, sub(b, hi, y)) : undefined;
}

/** The value of a constant scalar; NaN for any other tensor. */
function constantOf(b: GraphBuilder, name: string): number {
  const data = b.initializers.get(name)?.data;
  return data instanceof Float32Array && data.length === 1 ? data[0]! : Number.NaN;
}
