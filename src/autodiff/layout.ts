import { GraphBuilder } from '../onnx/builder.js';
import { type Graph, int, intAttribute, ints, intsAttribute, type Node, sizeOf } from '../onnx/model.js';
import { add, reshape } from './rule.js';

/** From [N, C, ...] to [N, ..., C], and back. */
const toLastOf = (rank: number) => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
const toFirstOf = (rank: number) => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];

const ELEMENTWISE = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Relu', 'LeakyRelu', 'Clip', 'HardSwish', 'HardSigmoid', 'Sigmoid', 'Tanh'],
  ...['Exp', 'Log', 'Sqrt', 'Erf', 'Neg', 'Abs', 'Reciprocal', 'Identity', 'Pow', 'Max', 'Min'],
  ...['Elu', 'Selu', 'Celu', 'PRelu', 'Softplus', 'Softsign'],
]);

/**
 * Rewrites a forward graph so that pointwise convolutions are plain matrix products over rows of channels, in
 * which form both they and their gradients are fastest. An [N, C, ...] tensor that such a product makes, or that
 * leads to one, is kept as rows [N * positions, C]; elementwise operators follow the layout of what they read,
 * and where the network itself goes over to channels-last (as before a layer normalization), it finds them so;
 * every other operator gets [N, C, ...] as before. The result computes the same.
 *
 * Rows have two dimensions so that the runtime's own transpose optimizer cannot move a change of layout through
 * them: it would, and undo what is done here.
 */
export function channelsLast(graph: Graph, shapes: Shapes): GraphBuilder {
  const b = new GraphBuilder();
  for (const o of graph.outputs) b.reserve(o.name);
  const names = new Map<string, string>();
  /** For tensors of the graph that are kept as rows: the rows. */
  const rowsOf = new Map<string, string>();
  for (const i of graph.inputs) names.set(i.name, b.input(i.name, shapes(i.name), i.type));
  /** A tensor's rows as [N, ..., C]. */
  const lastOf = (name: string, rows: string): string => {
    const [n, c, ...spatial] = shapes(name) as [number, number, ...number[]];
    return reshape(b, rows, [n, ...spatial, c]);
  };
  /** A tensor in its own layout. */
  const get = (name: string): string => {
    if (!name) return '';
    let known = names.get(name);
    if (known === undefined) {
      const rows = rowsOf.get(name);
      if (rows === undefined) {
        known = b.constant(graph.initializers.get(name)!, b.has(name) ? b.fresh(name) : name);
      } else {
        const last = lastOf(name, rows);
        known = b.op('Transpose', [last], { perm: ints(toFirstOf(b.shape(last).length)) });
      }
      names.set(name, known);
    }
    return known;
  };
  const toRows = (name: string): string => {
    let known = rowsOf.get(name);
    if (known === undefined) {
      const shape = shapes(name);
      const last = b.op('Transpose', [get(name)], { perm: ints(toLastOf(shape.length)) });
      known = reshape(b, last, rowsShape(shape));
      rowsOf.set(name, known);
    }
    return known;
  };

  /** An elementwise operator's inputs as rows, if at least one is kept so and the others can take it. */
  const inRows = (n: Node): string[] | undefined => {
    const wide = shapes(n.outputs[0]!);
    if (!n.inputs.some((i) => rowsOf.has(i) && String(shapes(i)) === String(wide))) return undefined;
    const converted = n.inputs.map((i) => {
      if (!i) return i;
      const shape = shapes(i);
      if (rowsOf.has(i)) return String(shape) === String(wide) ? rowsOf.get(i)! : undefined;
      if (shape.length > wide.length) return undefined;
      if (shape.every((d) => d === 1)) return shape.length <= 1 ? get(i) : reshape(b, get(i), []);
      const channels = shape.length - wide.length + 1;
      const onlyChannels = channels >= 0 && shape.every((d, k) => k === channels || d === 1);
      return onlyChannels ? reshape(b, get(i), [shape[channels]!]) : undefined;
    });
    return converted.every((i) => i !== undefined) ? converted : undefined;
  };

  const leads = pathsToPointwise(graph, shapes);
  for (const n of graph.nodes) {
    const [output] = n.outputs as [string];
    if (isPointwise(n, shapes)) {
      const x = toRows(n.inputs[0]!);
      const weight = reshape(b, get(n.inputs[1]!), shapes(n.inputs[1]!).slice(0, 2));
      const y = b.op('Gemm', [x, weight], { transB: int(1) });
      // Added afterwards: the runtime's product with a bias first copies that to every row, which takes longer.
      rowsOf.set(output, n.inputs[2] ? add(b, y, get(n.inputs[2])) : y);
      continue;
    }
    const there = isMoved(n, shapes, toLastOf) ? rowsOf.get(n.inputs[0]!) : undefined;
    if (there) {
      names.set(output, lastOf(n.inputs[0]!, there));
      continue;
    }
    if (isMoved(n, shapes, toFirstOf)) {
      rowsOf.set(output, reshape(b, get(n.inputs[0]!), rowsShape(shapes(output))));
      continue;
    }
    const rows = ELEMENTWISE.has(n.op) ? inRows(n) : undefined;
    if (rows) {
      rowsOf.set(output, b.op(n.op, rows, n.attributes));
      continue;
    }
    const pooled = isSpatialMean(n, shapes) ? rowsOf.get(n.inputs[0]!) : undefined;
    if (pooled) {
      const [batch, channels, ...spatial] = shapes(n.inputs[0]!) as [number, number, ...number[]];
      const positions = reshape(b, pooled, [batch, sizeOf(spatial), channels]);
      const mean = b.op('ReduceMean', [positions], { axes: ints([1]), keepdims: int(1) });
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
    // What follows a convolution up to the next pointwise one works on its rows.
    if (n.op === 'Conv' && leads.has(output)) toRows(output);
  }
  for (const o of graph.outputs) {
    const name = get(o.name);
    if (name !== o.name) b.op('Identity', [name], {}, o.name);
  }
  return b;
}

/** [N, C, ...] as rows of channels. */
const rowsShape = ([n, c, ...spatial]: readonly number[]) => [n! * sizeOf(spatial), c!];

/** Tensors that go through elementwise operators alone, one after the other, to a pointwise convolution. */
function pathsToPointwise(graph: Graph, shapes: Shapes): Set<string> {
  const readers = new Map<string, Node[]>();
  for (const n of graph.nodes) for (const i of n.inputs) readers.set(i, [...(readers.get(i) ?? []), n]);
  const leads = new Set<string>();
  for (const n of graph.nodes.toReversed()) {
    const [output] = n.outputs as [string];
    const [reader, ...others] = readers.get(output) ?? [];
    if (!reader || others.length > 0) continue;
    const pointwise = isPointwise(reader, shapes) && reader.inputs[0] === output;
    if (pointwise || (ELEMENTWISE.has(reader.op) && leads.has(reader.outputs[0]!))) leads.add(output);
  }
  return leads;
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

/** Whether a node moves the channels as `perm` says: from [N, C, ...] to [N, ..., C], or back. */
function isMoved(n: Node, shapes: Shapes, perm: (rank: number) => number[]): boolean {
  const rank = n.op === 'Transpose' ? shapes(n.inputs[0]!).length : 0;
  return rank > 2 && String(intsAttribute(n, 'perm')) === String(perm(rank));
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
