import { BatchShapes } from './batch-shapes.js';
import { BUILD_IR_VERSION, BUILD_OPSET } from './builder.js';
import type { ConstantTensor, Graph, Model, Node } from './model.js';
import { freshNames } from './names.js';
import { type ConversionContext, inBuildSet, numbersOf } from './opset.js';
import { rankOf } from './rank.js';
import { refused } from './refused.js';

/** What conversions to the build operator set need to know of a graph. */
export function conversionContext(
  graph: Graph,
  opset: number,
  constants: Map<string, ConstantTensor>,
  shapes: BatchShapes,
): ConversionContext {
  const rank = rankOf(graph);
  const fresh = freshNames(graph);
  return {
    opset,
    fresh,
    constant(wanted, t) {
      const name = fresh(wanted);
      constants.set(name, t);
      return name;
    },
    dims: (name) => shapes.dims(name),
    ones: (name) => shapes.ones(name),
    rank: (name) => shapes.dims(name)?.length ?? rank(name),
    values: (name) => numbersOf(constants.get(name ?? '')),
  };
}

/** Operators that are the same in all sets, or become so by `inBuildSet`, beside those that it converts. */
const SAME = new Set(
  (
    'Abs Add And BatchNormalization Ceil Concat Conv ConvTranspose ConstantOfShape DepthToSpace Div Dropout Elu Equal Erf ' +
    'Exp Expand Flatten Floor Gather Gemm GlobalAveragePool GlobalMaxPool Greater HardSigmoid HardSwish Identity LRN ' +
    'LayerNormalization LeakyRelu Less Log MatMul Max MaxPool Min Mul Neg Not Or PRelu Pow Reciprocal Relu Reshape Shape ' +
    'Sigmoid Sign Softplus Softsign SpaceToDepth Sqrt Sub Tanh Tile Transpose Where AveragePool Cast Clip ' +
    'GroupNormalization InstanceNormalization LogSoftmax Pad ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ' +
    'ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Resize Slice Softmax Split Squeeze Sum Unsqueeze Upsample'
  ).split(' '),
);

/**
 * Writes a whole model in the build operator set, so that it can be joined to a network that is built in it. What it
 * computes stays: nothing is folded, and operators of other domains are left alone.
 * @throws LichenError `onnx-invalid` for an operator that may mean something else in the build set
 */
export function toBuildSet(model: Model): Model {
  if (model.opset === BUILD_OPSET) return model;
  const { graph } = model;
  const constants = new Map(graph.initializers);
  // What is only known, such as computed sizes, does not become a part of the model.
  const known = new Map(constants);
  const shapes = new BatchShapes(graph, known);
  const context = conversionContext(graph, model.opset, constants, shapes);
  const nodes: Node[] = graph.nodes.flatMap((n) => {
    if (n.domain === '' && !SAME.has(n.op) && !quantizes(n)) {
      throw refused(
        n,
        `it may mean something else in operator set ${BUILD_OPSET} than in ${model.opset}, in which the backbone is; ` +
          `convert the backbone to set ${BUILD_OPSET} first`,
      );
    }
    const converted = n.domain === '' ? inBuildSet(n, context) : [n];
    for (const [name, t] of constants) known.set(name, t);
    for (const k of converted) shapes.add(k);
    return converted;
  });
  return {
    ...model,
    opset: BUILD_OPSET,
    irVersion: Math.max(model.irVersion, BUILD_IR_VERSION),
    graph: { ...graph, nodes, initializers: constants },
  };
}

/** Quantizing operators of one scale or one for each slice are the same since set 13, without a slice since 10. */
function quantizes(n: Node): boolean {
  if (n.op !== 'QuantizeLinear' && n.op !== 'DequantizeLinear') return false;
  return n.attributes.block_size === undefined && n.attributes.output_dtype === undefined;
}
