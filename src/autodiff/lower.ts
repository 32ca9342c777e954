import { BUILD_OPSET } from '../onnx/builder.js';
import { subModel } from '../onnx/cut.js';
import { float, floatAttribute, type Model, type Node, node } from '../onnx/model.js';
import { branched } from './choices.js';
import { STEEP } from './gate.js';
import { standardNodes } from './patches.js';

/**
 * Makes a built training graph an ordinary ONNX model: what no output needs is dropped, and the operators
 * that only differentiation knows are replaced by the standard's.
 */
export function lower(model: Model): Model {
  const { inputs, outputs } = model.graph;
  const { graph } = subModel(standardNodes(model), inputs, outputs);
  const nodes = graph.nodes.map((n): Node => {
    if (n.op !== 'Binarize' || n.domain !== 'lichen') return n;
    const threshold = Math.fround(floatAttribute(n, 'threshold', 0));
    // 0 up to the threshold, 1 above: so steep that no value lies between.
    const step = { alpha: float(STEEP), beta: float(-STEEP * threshold) };
    return node('HardSigmoid', n.inputs, n.outputs, step);
  });
  return branched({ ...model, opset: BUILD_OPSET, graph: { ...graph, nodes } });
}
