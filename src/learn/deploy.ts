import { GraphBuilder } from '../onnx/builder.js';
import { floats, int, type Model } from '../onnx/model.js';
import type { Adapter, Head } from './adapter.js';
import type { AdapterTensors } from './adapter.js';
import type { Isolation, IsolationContext } from './strategy.js';

/** Names of a deployed network's outputs. */
export const FEATURES = 'task_features';
export const PROBABILITIES = 'probabilities';

/**
 * An ordinary ONNX network from latents to features, and to class probabilities where there is a head. Masks
 * are multiplied in: it costs what the crown costs. The batch is symbolic.
 */
export function deployModel(
  isolation: Isolation,
  context: IsolationContext,
  adapter: { tensors: AdapterTensors; head?: Head } | Adapter,
): Model {
  const { crown } = context;
  const b = new GraphBuilder();
  const latent = b.input(crown.latent, [1, ...crown.latentShape]);
  const features = isolation.deploy(context, adapter.tensors, b, latent);
  b.op('Identity', [features], {}, FEATURES);
  b.output(FEATURES);
  if (adapter.head) {
    addHead(b, FEATURES, adapter.head);
    b.output(PROBABILITIES);
  }
  return withSymbolicBatch(b.model(`lichen-${isolation.name}`));
}

/** Adds a head and its softmax behind features of shape [batch, n]. */
export function addHead(b: GraphBuilder, features: string, head: Head): string {
  const weight = b.constant(floats(head.weight, [head.classes.length, head.features]), b.fresh('head_weight'));
  const bias = b.constant(floats(head.bias, [head.classes.length]), b.fresh('head_bias'));
  const logits = b.op('Gemm', [features, weight, bias], { transB: int(1) });
  return b.op('Softmax', [logits], { axis: int(1) }, PROBABILITIES);
}

function withSymbolicBatch(model: Model): Model {
  for (const v of [...model.graph.inputs, ...model.graph.outputs]) v.dims[0] = 'N';
  return model;
}
