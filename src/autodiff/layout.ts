import { GraphBuilder } from '../onnx/builder.js';
import { type Graph, int, intAttribute, ints, intsAttribute, type Node, sizeOf } from '../onnx/model.js';
import { reshape } from './rule.js';

/** From [N, C, ...] to [N, ..., C], and back. */
const toLastOf = (rank: number) => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
const toFirstOf = (rank: number) => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];

const ELEMENTWISE = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Relu', 'LeakyRelu', 'Clip', 'HardSwish', 'HardSigmoid', 'Sigmoid', 'Tanh'],
  ...['Exp', 'Log', 'Sqrt', 'Erf', 'Neg', 'Abs', 'Reciprocal', 'Identity', 'Pow', 'Max', 'Min'],
  ...['Elu', 'Selu', 'Celu', 'PRelu', 'Softplus', 'Softsign'],
]);

/**
 * Rewrites a forward graph so that pointwise convolutions are plain matrix products over rows of channels
 * ([N, H, W, C]; of sequences [N, L, C]), in which form both they and their gradients are fastest. Elementwise
 * operators follow the layout of what they read, and where the network itself goes over to channels-last (as
 * before a layer normalization), it finds them so; every other operator gets [N, C, H, W] as before. The result
 * computes the same.
 */
export function channelsLast(graph: Graph, shapes: Shapes): GraphBuilder {
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
  /** The channels-last tensor of which `name` is the [N, C, ...] view, if there is one already. */
  const lastOf = (name: string): string | undefined => {
    const p = b.producer(name);
    const perm = p?.op === 'Transpose' ? intsAttribute(p, 'perm') : undefined;
    return perm && perm.length > 2 && String(perm) === String(toFirstOf(perm.length))
      ? p!.inputs[0]
      : undefined;
  };
  const toLast = (name: string) =>
    lastOf(name) ?? b.op('Transpose', [name], { perm: ints(toLastOf(b.shape(name).length)) });
  const toFirst = (name: string) =>
    b.op('Transpose', [name], { perm: ints(toFirstOf(b.shape(name).length)) });

  /** An elementwise operator's inputs in channels-last form, if at least one has it and the others can take it. */
  const lastInputs = (n: Node): string[] | undefined => {
    const inputs = n.inputs.map(get);
    const rank = shapes(n.outputs[0]!).length;
    if (!inputs.some((i) => i && lastOf(i))) return undefined;
    const converted = inputs.map((i) => {
      if (!i) return i;
      const shape = b.shape(i);
      const last = lastOf(i);
      if (last) return shape.length === rank ? last : undefined;
      if (shape.length > rank) return undefined;
      if (shape.every((d) => d === 1)) return shape.length <= 1 ? i : reshape(b, i, []);
      const channels = shape.length - rank + 1;
      const onlyChannels = channels >= 0 && shape.every((d, k) => k === channels || d === 1);
      return onlyChannels ? reshape(b, i, [shape[channels]!]) : undefined;
    });
    return converted.every((i) => i !== undefined) ? (converted as string[]) : undefined;
  };

  for (const n of graph.nodes) {
    const [output] = n.outputs as [string];
    if (isPointwise(n, shapes)) {
      const x = toLast(get(n.inputs[0]!));
      const positions = b.shape(x).slice(0, -1);
      const from = b.shape(x).at(-1)!;
      const weight = reshape(b, get(n.inputs[1]!), [shapes(n.inputs[1]!)[0]!, from]);
      const rows = reshape(b, x, [sizeOf(positions), from]);
      const y = b.op('Gemm', [rows, weight, ...n.inputs.slice(2).map(get)], { transB: int(1) });
      names.set(output, toFirst(reshape(b, y, [...positions, b.shape(weight)[0]!])));
      continue;
    }
    const already = isToLast(n, shapes) ? lastOf(get(n.inputs[0]!)) : undefined;
    if (already) {
      names.set(output, already);
      continue;
    }
    const last = ELEMENTWISE.has(n.op) ? lastInputs(n) : undefined;
    if (last) {
      names.set(output, toFirst(b.op(n.op, last, n.attributes)));
      continue;
    }
    const pooled = isSpatialMean(n, shapes) ? lastOf(get(n.inputs[0]!)) : undefined;
    if (pooled) {
      const spatial = b.shape(pooled).slice(1, -1);
      const mean = b.op('ReduceMean', [pooled], {
        axes: ints(spatial.map((_, i) => i + 1)),
        keepdims: int(1),
      });
      names.set(output, reshape(b, mean, shapes(output)));
      continue;
    }
    const outputs = n.outputs.map((o) => (o && b.has(o) ? b.fresh(o) : o));
    b.add({ ...n, inputs: n.inputs.map(get), outputs });
    n.outputs.forEach((o, i) => {
      // Shapes are fixed here: what was computed from them is a constant, and the nodes that did so are left over.
      const value = b.computed(outputs[i]!);
      names.set(o, value ? b.constant(value) : outputs[i]!);
    });
  }
  for (const o of graph.outputs) {
    const name = get(o.name);
    if (name !== o.name) b.op('Identity', [name], {}, o.name);
  }
  return b;
}

type Shapes = (name: string) => readonly number[];

function isPointwise(n: Node, shapes: Shapes): boolean {
  if (n.op !== 'Conv') return false;
  const ones = (values: readonly number[] | undefined) => (values ?? []).every((v) => v === 1);
  return (
    ones(shapes(n.inputs[1]!).slice(2)) &&
    intAttribute(n, 'group', 1) === 1 &&
    ones(intsAttribute(n, 'strides')) &&
    (intsAttribute(n, 'pads') ?? []).every((p) => p === 0)
  );
}

/** A transposition from [N, C, ...] to channels-last. */
function isToLast(n: Node, shapes: Shapes): boolean {
  const rank = n.op === 'Transpose' ? shapes(n.inputs[0]!).length : 0;
  return rank > 2 && String(intsAttribute(n, 'perm')) === String(toLastOf(rank));
}

/** A mean over all spatial axes of an [N, C, ...] tensor. */
function isSpatialMean(n: Node, shapes: Shapes): boolean {
  if (n.op === 'GlobalAveragePool') return true;
  const axes = n.op === 'ReduceMean' ? intsAttribute(n, 'axes') : undefined;
  if (!axes) return false;
  const rank = shapes(n.inputs[0]!).length;
  const over = axes.map((a) => (a < 0 ? a + rank : a)).sort((p, q) => p - q);
  return rank > 2 && String(over) === String(Array.from({ length: rank - 2 }, (_, i) => i + 2));
}
