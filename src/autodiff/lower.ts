import { BUILD_OPSET } from '../onnx/builder.js';
import { subModel } from '../onnx/cut.js';
import { floatAttribute, floats, int, type Model, type Node, node } from '../onnx/model.js';

/**
 * Makes a built training graph an ordinary ONNX model: what no output needs is dropped, and the operators
 * that only differentiation knows are replaced by the standard's.
 */
export function lower(model: Model): Model {
  const { graph } = subModel(model, model.graph.inputs, model.graph.outputs);
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((n): Node[] => {
    if (n.domain !== 'lichen') return [n];
    const output = n.outputs[0]!;
    const threshold = `${output}.threshold`;
    initializers.set(threshold, floats([floatAttribute(n, 'threshold', 0)], []));
    return [
      node('Greater', [n.inputs[0]!, threshold], [`${output}.above`]),
      node('Cast', [`${output}.above`], [output], { to: int(1) }),
    ];
  });
  return { ...model, opset: BUILD_OPSET, graph: { ...graph, nodes, initializers } };
}
