import { floats, type Graph, type Model, type Node, node } from '../onnx/model.js';
import { freshNames } from '../onnx/names.js';

/**
 * Operators that compute with integers: the one that does the same with real numbers, and which of their inputs are
 * tensors; the others are scales and zero points.
 */
const TWINS: ReadonlyMap<string, readonly [op: string, ...inputs: number[]]> = new Map([
  ['QuantizeLinear', ['Clip', 0]],
  ['DequantizeLinear', ['Clip', 0]],
  ['DynamicQuantizeLinear', ['Clip', 0]],
  ['QLinearConv', ['Conv', 0, 3, 8]],
  ['QLinearMatMul', ['MatMul', 0, 3]],
  ['ConvInteger', ['Conv', 0, 1]],
  ['MatMulInteger', ['MatMul', 0, 1]],
  ['QLinearAdd', ['Add', 0, 3]],
  ['QLinearMul', ['Mul', 0, 3]],
  ['QLinearSigmoid', ['Sigmoid', 0]],
  ['QLinearLeakyRelu', ['LeakyRelu', 0]],
  ['QLinearGlobalAveragePool', ['GlobalAveragePool', 0]],
  ['QLinearAveragePool', ['AveragePool', 0]],
]);
/** Attributes of the quantizing operators alone. */
const OWN = new Set(['axis', 'saturate', 'block_size', 'output_dtype', 'precision']);

/**
 * A network of the same layers, shapes and names that computes with real numbers where the given one computes with
 * integers, to count its weights and operations. What it answers means nothing.
 */
export function floatTwin(model: Model): Model {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const fresh = freshNames(graph);
  const real = (name: string) => {
    const t = graph.initializers.get(name);
    if (!t) return name;
    const twin = fresh(`${name}.real`);
    initializers.set(twin, floats(Float32Array.from(t.data, Number), [...t.dims]));
    return twin;
  };
  const nodes = graph.nodes.map((n): Node => {
    const twin = TWINS.get(n.op);
    // Constants are dequantized as in any crown.
    if (!twin || isOfConstant(n, graph)) return n;
    const [op, ...inputs] = twin;
    // Of a dynamic quantization come the scale and the zero point, too.
    for (const [i, name] of n.outputs.entries())
      if (i > 0 && name) initializers.set(name, floats([1 / i], []));
    const read = inputs.flatMap((i) => (n.inputs[i] ? [real(n.inputs[i])] : []));
    const attributes = Object.entries(n.attributes).filter(([name]) => op !== 'Clip' || !OWN.has(name));
    return { ...node(op, read, n.outputs.slice(0, 1), Object.fromEntries(attributes)), name: n.name };
  });
  return { ...model, graph: { ...graph, nodes, initializers } };
}

function isOfConstant(n: Node, graph: Graph): boolean {
  return (
    (n.op === 'QuantizeLinear' || n.op === 'DequantizeLinear') && graph.initializers.has(n.inputs[0] ?? '')
  );
}
