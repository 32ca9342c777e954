import { LichenError } from '../errors.js';
import { BUILD_IR_VERSION, BUILD_OPSET } from './builder.js';
import { decompose } from './decompose.js';
import { foldConstants } from './fold.js';
import { fromLaterSets } from './later-sets.js';
import {
  type ConstantTensor,
  float,
  floatAttribute,
  floats,
  type Graph,
  int64s,
  intAttribute,
  intsAttribute,
  type Model,
  type Node,
  node,
} from './model.js';
import { rankOf } from './rank.js';

/**
 * Rewrites a model's operators into the forms of the operator set that Lichen builds graphs in, computes what
 * depends on constants only, folds batch normalization in inference form, and drops what does nothing at
 * inference (Identity, Dropout).
 * @throws LichenError `onnx-invalid` where the meaning would change
 */
export function normalize(model: Model): Model {
  const graph = foldConstants(model.graph);
  const initializers = new Map(graph.initializers);
  const rank = rankOf(graph);
  const alias = new Map<string, string>();
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const nodes: Node[] = [];
  const constant = (name: string, t: ConstantTensor) => {
    initializers.set(name, t);
    return name;
  };
  const c = { opset: model.opset, rank, constant, initializer: (name: string) => initializers.get(name) };
  for (const original of graph.nodes) {
    const n = { ...original, inputs: original.inputs.map((i) => alias.get(i) ?? i) };
    const out = n.outputs[0]!;
    if (REWRITTEN.has(n.op) && (!n.inputs[0] || !out)) throw refused(n, 'it has no input or no output');
    if ((n.op === 'Identity' || n.op === 'Dropout') && !outputs.has(out)) {
      alias.set(out, n.inputs[0]!);
    } else if (n.op === 'Dropout') {
      nodes.push(node('Identity', [n.inputs[0]!], [out]));
    } else if (n.op === 'BatchNormalization' && !inTraining(n)) {
      nodes.push(...foldBatchNorm(n, rank(n.inputs[0]!), initializers, constant));
    } else {
      nodes.push(...(decompose(n, c) ?? [fromLaterSets(modern(n, model.opset, rank, constant), c)]));
    }
  }
  const computed = foldConstants({ ...graph, nodes, initializers });
  const training = computed.nodes.find(inTraining);
  if (training) throw refused(training, 'it is in training form; export it for inference');
  const merged = mergeScales(computed.nodes, computed.initializers, outputs);
  const folded: Graph = { ...computed, nodes: merged };
  return {
    ...model,
    graph: folded,
    opset: BUILD_OPSET,
    irVersion: Math.max(model.irVersion, BUILD_IR_VERSION),
  };
}

/** Operators that are rewritten whatever their set, all of which read something. */
const REWRITTEN = new Set(['Identity', 'Dropout', 'BatchNormalization']);

type AddConstant = (name: string, t: ConstantTensor) => string;

const refused = (n: Node, why: string) =>
  new LichenError('onnx-invalid', `node '${n.name}' (${n.op}): ${why}`);

const inTraining = (n: Node) => n.op === 'BatchNormalization' && intAttribute(n, 'training_mode', 0) === 1;

/** Axes and limits moved from attribute to input (or back) between operator sets. */
function modern(
  n: Node,
  opset: number,
  rank: (name: string) => number | undefined,
  constant: AddConstant,
): Node {
  const out = n.outputs[0]!;
  if (['Squeeze', 'Unsqueeze', 'ReduceSum'].includes(n.op) && opset < 13) {
    const axes = intsAttribute(n, 'axes');
    const { axes: _, ...attributes } = n.attributes;
    return axes ? { ...n, attributes, inputs: [n.inputs[0]!, constant(`${out}.axes`, int64s(axes))] } : n;
  }
  if (n.op === 'Clip' && opset < 11) {
    const bound = (name: string) => {
      const a = n.attributes[name];
      return a ? constant(`${out}.${name}`, floats([floatAttribute(n, name, 0)], [])) : '';
    };
    return { ...n, attributes: {}, inputs: [n.inputs[0]!, bound('min'), bound('max')] };
  }
  if (n.op === 'Pad' && opset < 11) {
    const { pads: _, value: __, ...attributes } = n.attributes;
    const pads = constant(`${out}.pads`, int64s(intsAttribute(n, 'pads') ?? []));
    const value = constant(`${out}.value`, floats([floatAttribute(n, 'value', 0)], []));
    return { ...n, attributes, inputs: [n.inputs[0]!, pads, value] };
  }
  if (n.op === 'Slice' && opset < 10) {
    const { starts: _, ends: __, axes: ___, ...attributes } = n.attributes;
    const starts = intsAttribute(n, 'starts') ?? [];
    const axes = intsAttribute(n, 'axes') ?? starts.map((_, i) => i);
    const given = { starts, ends: intsAttribute(n, 'ends') ?? [], axes };
    const inputs = Object.entries(given).map(([name, v]) => constant(`${out}.${name}`, int64s(v)));
    return { ...n, attributes, inputs: [n.inputs[0]!, ...inputs] };
  }
  if (n.op === 'Split' && opset < 13) {
    const sizes = intsAttribute(n, 'split');
    const { split: _, ...attributes } = n.attributes;
    return sizes ? { ...n, attributes, inputs: [n.inputs[0]!, constant(`${out}.split`, int64s(sizes))] } : n;
  }
  if (['Softmax', 'LogSoftmax'].includes(n.op) && opset < 13) {
    // Before set 13 all axes from `axis` on were one: only for the last axis both mean the same.
    const axis = intAttribute(n, 'axis', 1);
    const dims = rank(n.inputs[0]!);
    if (axis !== -1 && axis + 1 !== dims) {
      throw refused(
        n,
        `its axis ${axis} has another meaning since operator set 13; export it with that or a later one`,
      );
    }
    return { ...n, attributes: { ...n.attributes, axis: { kind: 'int', value: axis } } };
  }
  return n;
}

/**
 * y = x * a + c, with a and c from the running statistics, per channel. Where the number of axes cannot be told,
 * the node stays as it is.
 */
function foldBatchNorm(
  n: Node,
  rank: number | undefined,
  initializers: Map<string, ConstantTensor>,
  constant: AddConstant,
): Node[] {
  const out = n.outputs[0]!;
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => {
    const t = initializers.get(n.inputs[i] ?? '');
    if (!t || !(t.data instanceof Float32Array)) {
      throw refused(n, `its input ${i} ('${n.inputs[i] ?? ''}') must be a float constant`);
    }
    return t.data;
  }) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const epsilon = floatAttribute(n, 'epsilon', 1e-5);
  if (rank === undefined || rank < 2)
    return [{ ...n, outputs: [out], attributes: { epsilon: float(epsilon) } }];
  const a = gamma.map((g, i) => g / Math.sqrt(variance[i]! + epsilon));
  const c = beta.map((b, i) => b - mean[i]! * a[i]!);
  const shape = [a.length, ...Array<number>(rank - 2).fill(1)];
  return [
    node('Mul', [n.inputs[0]!, constant(`${out}.scale`, floats(a, shape))], [`${out}.scaled`]),
    node('Add', [`${out}.scaled`, constant(`${out}.shift`, floats(c, shape))], [out]),
  ];
}

/** Folds a Mul and an Add per channel, behind a convolution that nothing else reads, into its weight and bias. */
function mergeScales(nodes: Node[], initializers: Map<string, ConstantTensor>, outputs: Set<string>): Node[] {
  const readers = new Map<string, number>();
  for (const n of nodes) for (const i of n.inputs) readers.set(i, (readers.get(i) ?? 0) + 1);
  const convs = new Map<string, Node>();
  const result: Node[] = [];
  for (const n of nodes) {
    const conv = convs.get(n.inputs[0] ?? '');
    const factor = conv && initializers.get(n.inputs[1] ?? '');
    const weight = conv && initializers.get(conv.inputs[1]!);
    const channels = weight?.dims[0];
    const wide = weight?.dims.slice(2).map(() => 1) ?? [];
    const perChannel =
      factor?.data instanceof Float32Array && String(factor.dims) === String([channels, ...wide]);
    const foldable =
      conv && (!conv.inputs[2] || initializers.get(conv.inputs[2])?.data instanceof Float32Array);
    if (conv && weight && perChannel && foldable && (n.op === 'Mul' || n.op === 'Add')) {
      const by = factor.data as Float32Array;
      const bias = conv.inputs[2]
        ? (initializers.get(conv.inputs[2])?.data as Float32Array)
        : new Float32Array(by.length);
      const out = n.outputs[0]!;
      const inputs = [...conv.inputs];
      if (n.op === 'Mul') {
        const per = weight.data.length / by.length;
        const scaled = (weight.data as Float32Array).map((w, i) => w * by[Math.floor(i / per)]!);
        inputs[1] = `${out}.weight`;
        initializers.set(inputs[1], floats(scaled, weight.dims));
      }
      inputs[2] = `${out}.bias`;
      initializers.set(
        inputs[2],
        floats(
          bias.map((v, i) => (n.op === 'Mul' ? v * by[i]! : v + by[i]!)),
          [by.length],
        ),
      );
      const merged = { ...conv, inputs, outputs: [out], name: out };
      result[result.indexOf(conv)] = merged;
      convs.delete(conv.outputs[0]!);
      if (readers.get(out) === 1 && !outputs.has(out)) convs.set(out, merged);
      continue;
    }
    result.push(n);
    const w = n.op === 'Conv' ? initializers.get(n.inputs[1]!) : undefined;
    if (w?.data instanceof Float32Array && readers.get(n.outputs[0]!) === 1 && !outputs.has(n.outputs[0]!)) {
      convs.set(n.outputs[0]!, n);
    }
  }
  return result;
}
