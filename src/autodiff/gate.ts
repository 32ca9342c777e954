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

/** Limits as far from their middle as this or nearer: there the distance from the middle is exact to 1e-6. */
const NEAR = 16;

/** 1 where a clip lets its input through, else 0; undefined where it has no limits. */
export function clipGate({ b, x, y }: RuleContext): string | undefined {
  const [lo, hi] = [limit(b, x[1]), limit(b, x[2])];
  if (lo && hi) {
    const [low, high] = [constantOf(b, lo), constantOf(b, hi)];
    const middle = Math.fround((low + high) / 2);
    const half = Math.fround(high - middle);
    // Only where the limits are as far from the middle in single precision as in truth, as for relu6. Between wide ones
    // the distance from the middle is too coarse to tell a small value from a limit of zero.
    if (half > 0 && half <= NEAR && half === Math.fround(middle - low)) {
      return step(b, b.op('Abs', [sub(b, y, b.scalar(middle))]), -STEEP, half * STEEP);
    }
    return step(b, b.op('Mul', [sub(b, y, lo), sub(b, hi, y)]), STEEP, 0);
  }
  if (lo) return positive(b, sub(b, y, lo));
  return hi ? positive(b, sub(b, hi, y)) : undefined;
}

/** The largest number in single precision. */
const LARGEST = 3.4028234663852886e38;

/** A limit that limits: exporters write infinity, or the largest number, where there is none. */
function limit(b: GraphBuilder, name: string | undefined): string | undefined {
  return name && Math.abs(constantOf(b, name)) >= LARGEST ? undefined : name;
}

/** The value of a constant scalar; NaN for any other tensor. */
function constantOf(b: GraphBuilder, name: string): number {
  const data = b.initializers.get(name)?.data;
  return data instanceof Float32Array && data.length === 1 ? data[0]! : Number.NaN;
}
