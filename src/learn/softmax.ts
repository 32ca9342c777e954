import type { GraphBuilder } from '../onnx/builder.js';
import { int } from '../onnx/model.js';

/** Names of the softmax head's parameters, of a step's targets, and of its samples' losses. */
export const HEAD_WEIGHT = 'lichen:head.weight';
export const HEAD_BIAS = 'lichen:head.bias';
export const TARGETS = 'targets';
export const SAMPLE_LOSSES = 'sample_losses';

/** The head's shapes, by its parameters' names. */
export function headShapes(classes: number, features: number): Map<string, number[]> {
  return new Map([
    [HEAD_WEIGHT, [classes, features]],
    [HEAD_BIAS, [classes]],
  ]);
}

/** The softmax head's logits, [N, classes]. */
export function headLogits(b: GraphBuilder, features: string): string {
  return b.op('Gemm', [features, HEAD_WEIGHT, HEAD_BIAS], { transB: int(1) });
}

/** Makes samples' losses an output of the graph. */
export function outputSampleLosses(b: GraphBuilder, losses: string): void {
  b.output(b.op('Identity', [losses], {}, SAMPLE_LOSSES));
}
