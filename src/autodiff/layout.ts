import { GraphBuilder } from '../onnx/builder.js';
import { type Graph, int, intAttribute, ints, intsAttribute, type Node } from '../onnx/model.js';
import { reshape } from './rule.js';

const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];
const ELEMENTWISE = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Relu', 'LeakyRelu', 'Clip', 'HardSwish', 'HardSigmoid', 'Sigmoid', 'Tanh'],
  ...['Exp', 'Log', 'Sqrt', 'Erf', 'Neg', 'Abs', 'Reciprocal', 'Identity', 'Pow'],
]);

/**
 * Rewrites a forward graph so that pointwise convolutions are plain matrix products over rows of channels
 * ([N, H, W, C]), in which form both they and their gradients are fastest. Elementwise operators follow the
 * layout of what they read; every other operator gets [N, C, H, W] as before. The result computes the same.
 */
export function channelsLast(graph: Graph, shapes: (name: string) => readonly number[]): GraphBuilder {
  const b = new GraphBuilder();
  for (const o of graph.outputs) b.reserve(o.name);
  const names = new Map<string, string>();
  for (const i of graph.inputs) names.set(i.name, b.input(i.name, shapes(i.name), i.type));
  const get = (name: string): string => {
    if (!name) return '';
    let known = names.get(name);
    if (known === undefined) {
      known = b.constant(graph.initializers.get(name)!, b.has(name) ? b.fresh(name) : name);
      names.set(name, known);
    }
    return known;
  };
  /** The channels-last tensor of which `name` is the [N, C, H, W] view, if there is one already. */
  const lastOf = (name: string): string | undefined => {
    const p = b.producer(name);
    const perm = p?.op === 'Transpose' ? intsAttribute(p, 'perm') : undefined;
    return perm && String(perm) === String(TO_FIRST) ? p!.inputs[0] : undefined;
  };
  const toLast = (name: string) => lastOf(name) ?? b.op('Transpose', [name], { perm: ints(TO_LAST) });
  const toFirst = (name: string) => b.op('Transpose', [name], { perm: ints(TO_FIRST) });

  /** An elementwise operator's inputs in channels-last form, if at least one has it and the others can take it. */
  const lastInputs = (n: Node): string[] | undefined => {
    const inputs = n.inputs.map(get);
    if (!inputs.some((i) => i && lastOf(i))) return undefined;
    const converted = inputs.map((i) => {
      if (!i) return i;
      const last = lastOf(i);
      if (last) return last;
      const shape = b.shape(i);
      if (shape.every((d) => d === 1)) return shape.length <= 1 ? i : reshape(b, i, []);
      const channels = shape.length >= 3 ? shape.at(-3)! : 0;
      const onlyChannels = channels > 0 && shape.every((d, k) => k === shape.length - 3 || d === 1);
      return onlyChannels ? reshape(b, i, [channels]) : undefined;
    });
    return converted.every((i) => i !== undefined) ? (converted as string[]) : undefined;
  };

  for (const n of graph.nodes) {
    const [output] = n.outputs as [string];
    if (isPointwise(n, shapes)) {
      const x = toLast(get(n.inputs[0]!));
      const [batch, height, width, from] = b.shape(x) as [number, number, number, number];
      const weight = reshape(b, get(n.inputs[1]!), [shapes(n.inputs[1]!)[0]!, from]);
      const rows = reshape(b, x, [batch * height * width, from]);
      const y = b.op('Gemm', [rows, weight, ...n.inputs.slice(2).map(get)], { transB: int(1) });
      names.set(output, toFirst(reshape(b, y, [batch, height, width, b.shape(weight)[0]!])));
      continue;
    }
    const last = ELEMENTWISE.has(n.op) ? lastInputs(n) : undefined;
    if (last) {
      names.set(output, toFirst(b.op(n.op, last, n.attributes)));
      continue;
    }
    const pooled = isSpatialMean(n) ? lastOf(get(n.inputs[0]!)) : undefined;
    if (pooled) {
      const mean = b.op('ReduceMean', [pooled], { axes: ints([1, 2]), keepdims: int(1) });
      names.set(output, reshape(b, mean, shapes(output)));
      continue;
    }
    const outputs = n.outputs.map((o) => (o && b.has(o) ? b.fresh(o) : o));
    b.add({ ...n, inputs: n.inputs.map(get), outputs });
    n.outputs.forEach((o, i) => {
      names.set(o, outputs[i]!);
    });
  }
  for (const o of graph.outputs) {
    const name = get(o.name);
    if (name !== o.name) b.op('Identity', [name], {}, o.name);
  }
  return b;
}

function isPointwise(n: Node, shapes: (name: string) => readonly number[]): boolean {
  if (n.op !== 'Conv' || shapes(n.inputs[0]!).length !== 4) return false;
  const ones = (values: number[] | undefined) => (values ?? []).every((v) => v === 1);
  return (
    shapes(n.inputs[1]!)
      .slice(2)
      .every((k) => k === 1) &&
    intAttribute(n, 'group', 1) === 1 &&
    ones(intsAttribute(n, 'strides')) &&
    (intsAttribute(n, 'pads') ?? []).every((p) => p === 0)
  );
}

/** A mean over height and width of an [N, C, H, W] tensor. */
function isSpatialMean(n: Node): boolean {
  if (n.op === 'GlobalAveragePool') return true;
  return n.op === 'ReduceMean' && ['2,3', '-2,-1', '-1,-2'].includes(String(intsAttribute(n, 'axes')));
}
