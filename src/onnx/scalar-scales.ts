import type { ConstantTensor, Model } from './model.js';
import { freshNames } from './names.js';

/**
 * A quantized graph whose scales and zero points of one value are scalars. PyTorch writes them as vectors of one
 * element, by way of an Identity where several nodes share them, over which ONNX Runtime fails when it fuses a sum.
 */
export function scalarScales(model: Model): Model {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const fresh = freshNames(graph);
  const given = new Map<string, string>();
  const scalars = new Map<string, string>();
  const scalar = (name: string): string => {
    const from = given.get(name) ?? name;
    const t = graph.initializers.get(from);
    if (t?.dims.length !== 1 || t.dims[0] !== 1) return name;
    const known = scalars.get(from);
    if (known) return known;
    const made = fresh(`${from}.scalar`);
    const value: ConstantTensor = { ...t, dims: [] };
    initializers.set(made, value);
    scalars.set(from, made);
    return made;
  };
  const nodes = graph.nodes.map((n) => {
    const [x = '', ...rest] = n.inputs;
    if (n.op === 'Identity') given.set(n.outputs[0]!, given.get(x) ?? x);
    if (n.op !== 'QuantizeLinear' && n.op !== 'DequantizeLinear') return n;
    return { ...n, inputs: [x, ...rest.map(scalar)] };
  });
  return scalars.size === 0 ? model : { ...model, graph: { ...graph, nodes, initializers } };
}
