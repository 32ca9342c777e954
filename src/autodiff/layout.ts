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
 * Rewrites a forward graph so that pointwise convolutions are plain matrix products over rows of channels, in
 * which form both they and their gradients are fastest. An [N, C, H, W] tensor that such a product makes, or that
 * leads to one, is kept as rows [N * H * W, C]; elementwise operators follow the layout of what they read; every
 * other operator gets [N, C, H, W] as before. The result computes the same.
 *
 * Rows have two dimensions so that the runtime's own transpose optimizer cannot move a change of layout through
 * them: it would, and undo what is done here.
 */
export function channelsLast(graph: Graph, shapes: (name: string) => readonly number[]): GraphBuilder {
  const b = new GraphBuilder();
  const names = new Map<string, string>();
  /** For tensors of the graph that are kept as rows: the rows. */
  const rowsOf = new Map<string, string>();
  for (const i of graph.inputs) names.set(i.name, b.input(i.name, shapes(i.name), i.type));
  /** A tensor in its own layout. */
  const get = (name: string): string => {
    if (!name) return '';
    let known = names.get(name);
    if (known === undefined) {
      const rows = rowsOf.get(name);
      if (rows !== undefined) {
        const [n, c, h, w] = shapes(name) as [number, number, number, number];
        known = b.op('Transpose', [reshape(b, rows, [n, h, w, c])], { perm: ints(TO_FIRST) });
      } else {
        known = b.constant(graph.initializers.get(name)!, b.has(name) ? b.fresh(name) : name);
      }
      names.set(name, known);
    }
    return known;
  };
  const toRows = (name: string): string => {
    let known = rowsOf.get(name);
    if (known === undefined) {
      const [n, c, h, w] = shapes(name) as [number, number, number, number];
      known = reshape(b, b.op('Transpose', [get(name)], { perm: ints(TO_LAST) }), [n * h * w, c]);
      rowsOf.set(name, known);
    }
    return known;
  };

  /** An elementwise operator's inputs as rows, if at least one is kept so and the others can take it. */
  const inRows = (n: Node): string[] | undefined => {
    const wide = n.inputs.find((i) => rowsOf.has(i));
    if (wide === undefined || String(shapes(n.outputs[0]!)) !== String(shapes(wide))) return undefined;
    const converted = n.inputs.map((i) => {
      if (!i || rowsOf.has(i)) return i && rowsOf.get(i)!;
      const shape = shapes(i);
      if (shape.every((d) => d === 1)) return shape.length <= 1 ? get(i) : reshape(b, get(i), []);
      const channels = shape.length >= 3 ? shape.at(-3)! : 0;
      const onlyChannels = channels > 0 && shape.every((d, k) => k === shape.length - 3 || d === 1);
      return onlyChannels ? reshape(b, get(i), [channels]) : undefined;
    });
    return converted.every((i) => i !== undefined) ? converted : undefined;
  };

  const leads = pathsToPointwise(graph, shapes);
  for (const n of graph.nodes) {
    const [output] = n.outputs as [string];
    if (isPointwise(n, shapes)) {
      const x = toRows(n.inputs[0]!);
      const weight = reshape(b, get(n.inputs[1]!), shapes(n.inputs[1]!).slice(0, 2));
      const bias = n.inputs.slice(2).filter((i) => i);
      rowsOf.set(output, b.op('Gemm', [x, weight, ...bias.map(get)], { transB: int(1) }));
      continue;
    }
    const rows = ELEMENTWISE.has(n.op) ? inRows(n) : undefined;
    if (rows) {
      rowsOf.set(output, b.op(n.op, rows, n.attributes));
      continue;
    }
    if (isSpatialMean(n) && rowsOf.has(n.inputs[0]!)) {
      const [batch, channels, height, width] = shapes(n.inputs[0]!) as [number, number, number, number];
      const pooled = reshape(b, toRows(n.inputs[0]!), [batch, height * width, channels]);
      const mean = b.op('ReduceMean', [pooled], { axes: ints([1]), keepdims: int(1) });
      names.set(output, reshape(b, mean, shapes(output)));
      continue;
    }
    const outputs = n.outputs.map((o) => (o && b.has(o) ? b.fresh(o) : o));
    b.add({ ...n, inputs: n.inputs.map(get), outputs });
    n.outputs.forEach((o, i) => {
      names.set(o, outputs[i]!);
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

/** Tensors that go through elementwise operators alone, one after the other, to a pointwise convolution. */
function pathsToPointwise(graph: Graph, shapes: (name: string) => readonly number[]): Set<string> {
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
