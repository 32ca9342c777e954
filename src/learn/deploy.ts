import { GraphBuilder } from '../onnx/builder.js';
import { floats, int, type Model, type ValueInfo } from '../onnx/model.js';
import type { AdapterTensors, Head } from './adapter.js';
import type { Isolation, IsolationContext } from './strategy.js';
import { addSummary } from './summary.js';

/** Names of a deployed network's outputs: features, what a discriminant reads, class probabilities. */
export const FEATURES = 'task_features';
export const SUMMARY = 'task_summary';
export const PROBABILITIES = 'probabilities';

/** A deployed network and the widths of its summary's blocks. */
export interface Deployed {
  model: Model;
  blocks: number[];
}

/**
 * An ordinary ONNX network from latents to features and summary, and to class probabilities where there is a
 * head. Masks are multiplied in: it costs what the crown costs. The batch is symbolic.
 */
export function deployModel(
  isolation: Pick<Isolation, 'name' | 'deploy'>,
  context: IsolationContext,
  adapter: { tensors: AdapterTensors; head?: Head },
): Deployed {
  const { crown } = context;
  const b = new GraphBuilder();
  const latent = b.input(crown.latent, [1, ...crown.latentShape]);
  const outputs = isolation.deploy(context, adapter.tensors, b, latent);
  b.op('Identity', [outputs.features], {}, FEATURES);
  const { blocks } = addSummary(b, outputs, latent, SUMMARY);
  if (adapter.head) {
    addHead(b, adapter.head);
    b.output(PROBABILITIES);
  } else {
    b.output(FEATURES);
    b.output(SUMMARY);
  }
  return { model: withSymbolicBatch(b.model(`lichen-${isolation.name}`)), blocks };
}

/** Adds a head and its softmax. */
function addHead(b: GraphBuilder, head: Head): void {
  const weight = b.constant(
    floats(head.weight, [head.classes.length, head.features]),
    b.fresh('head_weight'),
  );
  const bias = b.constant(floats(head.bias, [head.classes.length]), b.fresh('head_bias'));
  const input = head.kind === 'discriminant' ? SUMMARY : FEATURES;
  const logits = b.op('Gemm', [input, weight, bias], { transB: int(1) });
  b.op('Softmax', [logits], { axis: int(1) }, PROBABILITIES);
}

function withSymbolicBatch(model: Model): Model {
  const symbolic = (values: ValueInfo[]) =>
    values.map((v) => ({ ...v, dims: ['N', ...(v.dims ?? []).slice(1)] }));
  const { graph } = model;
  return { ...model, graph: { ...graph, inputs: symbolic(graph.inputs), outputs: symbolic(graph.outputs) } };
}
