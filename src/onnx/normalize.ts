import { BatchShapes } from './batch-shapes.js';
import { conversionContext } from './build-set.js';
import { BUILD_IR_VERSION, BUILD_OPSET } from './builder.js';
import { decompose, decomposedOperators } from './decompose.js';
import { dequantize } from './dequantize.js';
import { foldConstants } from './fold.js';
import {
  type ConstantTensor,
  float,
  floatAttribute,
  floats,
  int64s,
  intAttribute,
  type Model,
  type Node,
  node,
} from './model.js';
import { type ConversionContext, inBuildSet } from './opset.js';
import { refused } from './refused.js';
import { INNER_OPERATORS } from './shapes.js';
import { widen } from './widen.js';

/**
 * Rewrites a crown into what gradients are derived of: float32, in the operators of the set that Lichen builds
 * graphs in, for any batch. Batch normalization in inference form is folded, what depends on constants only and integers
 * that shapes are computed with are computed, and what does nothing at inference (Identity, Dropout) is dropped.
 * @throws LichenError `onnx-invalid` where the meaning would change
 */
export function normalize(model: Model): Model {
  const wide = widen(model);
  // Before, too: what quantizes may have its scale by way of an Identity or a Cast.
  const {
    graph: given,
    opset,
    domains: _,
    ...rest
  } = dequantize({ ...wide, graph: foldConstants(wide.graph) });
  const graph = foldConstants(given);
  const initializers = new Map(graph.initializers);
  const shapes = new BatchShapes(graph, initializers);
  const context = conversionContext(graph, opset, initializers, shapes);
  const { constant } = context;
  const alias = new Map<string, string>();
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const nodes: Node[] = [];
  for (const original of graph.nodes) {
    const n = { ...original, inputs: original.inputs.map((i) => alias.get(i) ?? i) };
    for (const k of decompose(n, context) ?? rewritten(standard(n), context)) {
      if (k.op === 'Identity' && !outputs.has(k.outputs[0]!)) alias.set(k.outputs[0]!, k.inputs[0]!);
      const target = k.op === 'Reshape' ? shapes.target(k) : undefined;
      const freed = target ? [k.inputs[0]!, constant(`${k.outputs[0]}.target`, int64s(target))] : k.inputs;
      const last = { ...k, inputs: freed };
      const needed = shapes.add(last) || outputs.has(k.outputs[0]!);
      if (needed && !alias.has(k.outputs[0]!)) nodes.push(last);
    }
  }
  const kept = used(nodes, outputs);
  checkRead(kept, new Set([...initializers.keys(), ...graph.inputs.map((i) => i.name)]));
  const merged = mergeScales(kept, initializers, outputs, constant);
  return {
    ...rest,
    graph: { ...graph, nodes: merged, initializers },
    opset: BUILD_OPSET,
    irVersion: Math.max(model.irVersion, BUILD_IR_VERSION),
  };
}

/** Operators of files that no normalized graph has: others, or constants, stand in their place. */
export const replacedOperators: readonly string[] = [
  ...decomposedOperators,
  ...['Constant', 'DequantizeLinear', 'GroupNormalization', 'QuantizeLinear', 'Upsample'],
];

/** Nodes that something reads: what only computed sizes is not needed any more. */
function used(nodes: readonly Node[], outputs: ReadonlySet<string>): Node[] {
  const read = new Set(outputs);
  return nodes
    .toReversed()
    .filter((n) => {
      if (!n.outputs.some((o) => read.has(o))) return false;
      for (const i of n.inputs) read.add(i);
      return true;
    })
    .reverse();
}

/** Every tensor that is read must be there: of nodes that are dropped, second outputs are not, such as a Dropout's mask. */
function checkRead(nodes: readonly Node[], known: Set<string>): void {
  for (const n of nodes) {
    const missing = n.inputs.find((i) => i !== '' && !known.has(i));
    if (missing !== undefined) throw refused(n, `it reads '${missing}', which is not given at inference`);
    for (const o of n.outputs) known.add(o);
  }
}

/** A node of the standard's operator set. */
function standard(n: Node): Node {
  if (INNER_OPERATORS.has(n.op)) throw refused(n, 'the standard has no such operator');
  if (n.domain === '') return n;
  throw refused(
    n,
    `it is of the operator set '${n.domain}', whose operators a crown cannot have; cut behind it`,
  );
}

/** Operators that are rewritten whatever their set, all of which read something. */
const REWRITTEN = new Set(['Identity', 'Dropout', 'BatchNormalization']);

function rewritten(n: Node, c: ConversionContext): Node[] {
  const [x, out] = [n.inputs[0], n.outputs[0]];
  if (REWRITTEN.has(n.op) && (!x || !out)) throw refused(n, 'it has no input or no output');
  if (n.op === 'BatchNormalization') return foldBatchNorm(n, c);
  if (n.op !== 'Dropout') return inBuildSet(n, c);
  if (c.values(n.inputs[2])?.[0]) throw refused(n, 'it is in training form; export it for inference');
  return [node('Identity', [x!], [out!])];
}

/** y = x * a + c, with a and c from the running statistics, per channel. */
function foldBatchNorm(n: Node, c: ConversionContext): Node[] {
  const out = n.outputs[0]!;
  const rank = c.rank(n.inputs[0]!);
  if (n.outputs.slice(1).some((o) => o !== '') || intAttribute(n, 'spatial', 1) === 0) {
    throw refused(n, 'it is not in inference form; export it for inference');
  }
  if (intAttribute(n, 'training_mode', 0) === 1)
    throw refused(n, 'it is in training form; export it for inference');
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => {
    const values = c.values(n.inputs[i]);
    if (!values) throw refused(n, `its input ${i} ('${n.inputs[i] ?? ''}') must be a float constant`);
    return values;
  }) as [number[], number[], number[], number[]];
  const counts = [gamma, beta, mean, variance].map((values) => values.length);
  if (new Set(counts).size > 1) throw refused(n, `it has statistics of ${counts.join(', ')} channels`);
  const epsilon = floatAttribute(n, 'epsilon', 1e-5);
  // It has a gradient rule, too, for where the number of axes cannot be told.
  if (rank === undefined || rank < 2) return [{ ...n, attributes: { epsilon: float(epsilon) } }];
  const a = gamma.map((g, i) => g / Math.sqrt(variance[i]! + epsilon));
  const shift = beta.map((b, i) => b - mean[i]! * a[i]!);
  const shape = [a.length, ...Array<number>(rank - 2).fill(1)];
  const scaled = c.fresh(`${out}.scaled`);
  return [
    node('Mul', [n.inputs[0]!, c.constant(`${out}.scale`, floats(a, shape))], [scaled]),
    node('Add', [scaled, c.constant(`${out}.shift`, floats(shift, shape))], [out]),
  ];
}

/** Folds a Mul and an Add per channel, behind a convolution that nothing else reads, into its weight and bias. */
function mergeScales(
  nodes: Node[],
  initializers: ReadonlyMap<string, ConstantTensor>,
  outputs: ReadonlySet<string>,
  constant: ConversionContext['constant'],
): Node[] {
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
        inputs[1] = constant(`${out}.weight`, floats(scaled, weight.dims));
      }
      const moved = bias.map((v, i) => (n.op === 'Mul' ? v * by[i]! : v + by[i]!));
      inputs[2] = constant(`${out}.bias`, floats(moved, [by.length]));
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
