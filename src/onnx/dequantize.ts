import { LichenError } from '../errors.js';
import { type ConstantTensor, floats, type Graph, type Model, type Node, node } from './model.js';
import { freshNames } from './names.js';
import {
  dequantizeConstant,
  integers,
  quantizeConstant,
  quantizedType,
  rangeOf,
} from './quantized-constant.js';
import { refused } from './refused.js';
import { typeName } from './types.js';

/** A tensor that QuantizeLinear makes of another. */
interface Quantized {
  from: string;
  scale: number;
  zero: number;
  /** The least and the largest real number that it can hold. */
  low: number;
  high: number;
}

type Constants = Map<string, ConstantTensor>;

const QUANTIZED = /^(Dynamic)?(Quantize|Dequantize)Linear$|^QLinear|^QGemm$|Integer(ToFloat)?$/;

/**
 * Makes a quantized graph compute with real numbers. Constants are dequantized. Of a pair of QuantizeLinear and
 * DequantizeLinear around an activation stays what can be learned through: the limits, as a Clip; the rounding to
 * steps, whose gradient is 0 everywhere, is left out. The limits must stay: quantizers drop a Relu whose work they
 * do.
 * @throws LichenError `onnx-invalid` for operators that compute with integers
 */
export function dequantize(model: Model): Model {
  const { graph } = model;
  if (!graph.nodes.some((n) => QUANTIZED.test(n.op))) return model;
  const constants: Constants = new Map(graph.initializers);
  const quantized = new Map<string, Quantized>();
  const fresh = freshNames(graph);
  const limit = (wanted: string, value: number) => {
    const name = fresh(wanted);
    constants.set(name, floats([value], []));
    return name;
  };
  const nodes: Node[] = [];
  for (const n of graph.nodes) {
    const [x = ''] = n.inputs;
    const out = n.outputs[0]!;
    const q = quantized.get(x);
    if (n.op === 'QuantizeLinear' && constants.has(x)) constants.set(out, quantizeConstant(n, constants));
    else if (n.op === 'QuantizeLinear') quantized.set(out, activation(n, constants, graph));
    else if (n.op === 'DequantizeLinear' && constants.has(x))
      constants.set(out, dequantizeConstant(n, constants));
    else if (n.op === 'DequantizeLinear' && q) {
      checkSame(n, q, constants, graph);
      const inputs = [q.from, limit(`${out}.low`, q.low), limit(`${out}.high`, q.high)];
      nodes.push({ ...node('Clip', inputs, [out]), name: n.name });
    } else if (QUANTIZED.test(n.op) || n.inputs.some((i) => quantized.has(i))) {
      throw inCrown(n, 'it computes with integers, through which nothing can be learned', graph);
    } else nodes.push(n);
  }
  const bytes = graph.outputs.find((o) => quantized.has(o.name));
  if (bytes) {
    throw new LichenError(
      'onnx-invalid',
      `the output '${bytes.name}' is quantized; put a DequantizeLinear behind it`,
    );
  }
  return { ...model, graph: { ...graph, nodes, initializers: constants } };
}

/** Why a node that computes with integers is refused, and what to do about it. */
function inCrown(n: Node, why: string, graph: Graph): LichenError {
  const last = graph.nodes.findLast((k) => QUANTIZED.test(k.op));
  return refused(
    n,
    `${why}. Cut the network later, behind its last quantized node '${last?.name ?? n.name}', or quantize it with ` +
      'QuantizeLinear and DequantizeLinear around float operators (QDQ) and one constant scale an activation',
  );
}

function activation(n: Node, constants: Constants, graph: Graph): Quantized {
  const scale = constants.get(n.inputs[1] ?? '');
  const zero = n.inputs[2] ? constants.get(n.inputs[2]) : undefined;
  if (!n.inputs[0] || !scale || (n.inputs[2] && !zero)) {
    throw inCrown(n, 'its scale and zero point must be constants', graph);
  }
  if (scale.data.length !== 1) throw inCrown(n, `it has ${scale.data.length} scales`, graph);
  const type = quantizedType(n, zero);
  const range = rangeOf(type);
  if (!range) throw inCrown(n, `it quantizes to ${typeName(type)}, which is not supported`, graph);
  const [s, z] = [Number(scale.data[0]), zero ? (integers(zero)[0] ?? 0) : 0];
  return { from: n.inputs[0], scale: s, zero: z, low: (range[0] - z) * s, high: (range[1] - z) * s };
}

/** A pair must undo what it did. */
function checkSame(n: Node, q: Quantized, constants: Constants, graph: Graph): void {
  const scale = constants.get(n.inputs[1] ?? '');
  const zero = n.inputs[2] ? constants.get(n.inputs[2]) : undefined;
  const same = scale?.data.length === 1 && Number(scale.data[0]) === q.scale;
  if (!same || (zero ? integers(zero)[0] : 0) !== q.zero) {
    throw inCrown(n, 'its scale and zero point are not those that the tensor was quantized with', graph);
  }
}
