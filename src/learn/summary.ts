import type { GraphBuilder } from '../onnx/builder.js';
import { int, ints } from '../onnx/model.js';

/**
 * Adds what a discriminant reads of a sample: the root of each feature (with its sign), and mean and standard
 * deviation of each latent channel over the positions. The root makes the long-tailed, mostly positive features
 * closer to normal, which the discriminant assumes; the latent's statistics keep what the crown, made for other
 * classes, threw away. Both cost next to nothing (measured in docs/benchmarks.md).
 * @returns the tensor, [batch, sum of blocks], and the width of each block
 */
export function addSummary(
  b: GraphBuilder,
  features: string,
  latent: string,
  name: string,
): { summary: string; blocks: number[] } {
  const root = b.op('Mul', [b.op('Sign', [features]), b.op('Sqrt', [b.op('Abs', [features])])]);
  const shape = b.shape(latent);
  const parts = [root];
  if (shape.length > 2) {
    const axes = ints(shape.map((_, i) => i).slice(2));
    const channels = [1, shape[1]!];
    const flat = (x: string) => b.op('Flatten', [x], { axis: int(1) });
    const mean = b.op('ReduceMean', [latent], { axes, keepdims: int(1) });
    const apart = b.op('Sub', [latent, mean]);
    const variance = b.op('ReduceMean', [b.op('Mul', [apart, apart])], { axes, keepdims: int(1) });
    parts.push(flat(mean), flat(b.op('Sqrt', [variance])));
    const blocks = [b.shape(features)[1]!, channels[1]!, channels[1]!];
    return { summary: b.op('Concat', parts, { axis: int(1) }, name), blocks };
  }
  return { summary: b.op('Identity', parts, {}, name), blocks: [b.shape(features)[1]!] };
}
