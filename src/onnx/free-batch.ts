import { LichenError } from '../errors.js';
import { BatchShapes } from './batch-shapes.js';
import { int64s, type Model } from './model.js';
import { freshNames } from './names.js';

/**
 * Frees a network that was exported for a batch of 1: its input takes any batch, and so do the shapes that it
 * reshapes to, as far as they can be told.
 * @throws LichenError `onnx-invalid` for another fixed batch
 */
export function freeBatch(model: Model): Model {
  const { graph } = model;
  const fixed = graph.inputs.find((i) => typeof i.dims?.[0] === 'number');
  if (!fixed) return model;
  const [batch, ...rest] = fixed.dims!;
  if (batch !== 1) {
    throw new LichenError(
      'onnx-invalid',
      `the input '${fixed.name}' has a fixed batch of ${batch}; export the network with a batch of 1 or a symbolic one`,
    );
  }
  const initializers = new Map(graph.initializers);
  const known = new Map(initializers);
  const shapes = new BatchShapes(graph, known);
  const fresh = freshNames(graph);
  const nodes = graph.nodes.map((n) => {
    const target = n.op === 'Reshape' && n.domain === '' ? shapes.target(n) : undefined;
    let freed = n;
    if (target) {
      const name = fresh(`${n.outputs[0]}.target`);
      for (const constants of [initializers, known]) constants.set(name, int64s(target));
      freed = { ...n, inputs: [n.inputs[0]!, name] };
    }
    shapes.add(freed);
    return freed;
  });
  const inputs = graph.inputs.map((i) => (i === fixed ? { ...i, dims: ['N', ...rest] } : i));
  return { ...model, graph: { ...graph, nodes, initializers, inputs } };
}
