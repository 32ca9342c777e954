import type { GraphBuilder } from '../onnx/builder.js';
import { floatAttribute, int, intAttribute, ints, intsAttribute, type Node, sizeOf } from '../onnx/model.js';
import { gradients, pulledBack } from './gradient.js';
import { reshape, sum, sumTo } from './rule.js';

/** Where a parameter enters the network: the node, the input that it is, and the tensor there. */
interface Use {
  node: Node;
  index: number;
  /** The parameter itself, or a rearrangement of it. */
  tensor: string;
}

/**
 * Adds the nodes that sum the squares of each sample's own gradient over a batch: sum over n of (d loss_n / d p)^2, for
 * all samples at once. For a product of rows y = x w the gradient of one sample is an outer product, so that the
 * sum is (dy * dy)^T (x * x); where a sample has several rows, as the positions of a convolution, it is one small
 * product a sample. Squaring the gradient of the whole batch would be something else: there the samples' gradients
 * cancel out.
 * @param loss the sum, not the mean, of the samples' losses
 * @param parameters inputs of the graph
 * @param batch samples, which lie along the first dimension of every tensor that depends on them
 * @returns parameter -> the sum, of the parameter's shape; undefined where a parameter is used in a way that has no
 *   such form here (then samples must be taken one at a time)
 */
export function squaredSampleGradients(
  b: GraphBuilder,
  loss: string,
  parameters: readonly string[],
  batch: number,
): Map<string, string> | undefined {
  const needed = ancestors(b, loss);
  if (!staysInOrder(b, needed, parameters)) return undefined;
  const uses = parameters.map((p) => useOf(b, needed, p, batch));
  if (!uses.every((u) => u !== undefined)) return undefined;
  const targets = [...new Set(uses.map((u) => u.node.outputs[0]!))];
  const found = gradients(b, loss, targets);
  return new Map(
    parameters.map((p, i) => {
      const use = uses[i]!;
      const squares = squaresOf(b, use, found.get(use.node.outputs[0]!)!, batch);
      // A rearrangement moves squares as it moves what they are of.
      return [p, pulledBack(b, new Map([[use.tensor, squares]]), [p]).get(p)!];
    }),
  );
}

/** The nodes that a tensor is computed from. */
function ancestors(b: GraphBuilder, of: string): Set<Node> {
  const tensors = new Set([of]);
  const found = new Set<Node>();
  for (const n of b.nodes.toReversed()) {
    if (!n.outputs.some((o) => tensors.has(o))) continue;
    found.add(n);
    for (const i of n.inputs) tensors.add(i);
  }
  return found;
}

/** Whether the samples stay along the first dimension, whatever is done to tensors that depend on them. */
function staysInOrder(b: GraphBuilder, needed: ReadonlySet<Node>, parameters: readonly string[]): boolean {
  const own = new Set(parameters);
  const dependent = new Set(b.inputs.map((i) => i.name).filter((name) => !own.has(name)));
  return b.nodes.every((n) => {
    if (!needed.has(n) || !n.inputs.some((i) => dependent.has(i))) return true;
    for (const o of n.outputs) dependent.add(o);
    if (n.op === 'Transpose') return intsAttribute(n, 'perm')?.[0] === 0;
    const rank = b.shape(n.inputs[0]!).length;
    const alongFirst = [0, -rank].includes(intAttribute(n, 'axis', n.op === 'Gather' ? 0 : 1));
    return !(['Gather', 'Concat', 'Split'].includes(n.op) && alongFirst);
  });
}

/** Follows a parameter through nodes that only rearrange it to the one node that computes with it. */
function useOf(
  b: GraphBuilder,
  needed: ReadonlySet<Node>,
  parameter: string,
  batch: number,
): Use | undefined {
  let tensor = parameter;
  for (;;) {
    const readers = b.nodes.filter((n) => needed.has(n) && n.inputs.includes(tensor));
    const [node] = readers;
    if (!node || readers.length > 1) return undefined;
    if (!rearranges(b, node, tensor)) {
      const use = { node, index: node.inputs.indexOf(tensor), tensor };
      return isProduct(b, use, batch) || isShift(b, use, batch) ? use : undefined;
    }
    tensor = node.outputs[0]!;
  }
}

/** Whether a node puts every value of a tensor in one place. */
function rearranges(b: GraphBuilder, n: Node, tensor: string): boolean {
  if (n.inputs[0] !== tensor) return false;
  if (n.op === 'Reshape' || n.op === 'Transpose') return true;
  const places = n.op === 'Gather' ? b.integers(n.inputs[1]!) : undefined;
  const rows = b.shape(tensor)[0];
  return (
    places !== undefined &&
    intAttribute(n, 'axis', 0) === 0 &&
    places.length === rows &&
    new Set(places).size === rows
  );
}

/** Whether a use is as the weight of a product of rows that belong to samples. */
function isProduct(b: GraphBuilder, { node, index, tensor }: Use, batch: number): boolean {
  if (index !== 1 || !['Gemm', 'MatMul', 'PatchGemm'].includes(node.op)) return false;
  const plain = intAttribute(node, 'transA', 0) === 0 && floatAttribute(node, 'alpha', 1) === 1;
  return plain && b.shape(tensor).length === 2 && rowsOf(b, node.inputs[0]!) % batch === 0;
}

/** Whether a use is as what is added to every sample: a bias. */
function isShift(b: GraphBuilder, { node, index, tensor }: Use, batch: number): boolean {
  const added =
    node.op === 'Add' ||
    (node.op === 'Expand' && index === 0) ||
    (node.op === 'Gemm' && index === 2 && floatAttribute(node, 'beta', 1) === 1);
  const [shape, wide] = [b.shape(tensor), b.shape(node.outputs[0]!)];
  const everywhere = shape.length < wide.length || (shape.length === wide.length && shape[0] === 1);
  return added && everywhere && wide[0]! % batch === 0;
}

/** Rows of a tensor whose last dimension is a row. */
const rowsOf = (b: GraphBuilder, tensor: string): number => sizeOf(b.shape(tensor).slice(0, -1));

const square = (b: GraphBuilder, tensor: string) => b.op('Mul', [tensor, tensor]);

function squaresOf(b: GraphBuilder, use: Use, dy: string, batch: number): string {
  return use.index === 1 && use.node.op !== 'Add' ? ofWeight(b, use, dy, batch) : ofShift(b, use, dy, batch);
}

function ofWeight(b: GraphBuilder, { node, tensor }: Use, dy: string, batch: number): string {
  const x = node.inputs[0]!;
  const rows = rowsOf(b, x);
  const [from, to] = [b.shape(x).at(-1)!, b.shape(dy).at(-1)!];
  const outputsFirst = intAttribute(node, 'transB', 0) === 1;
  const operands: [string, number][] = outputsFirst
    ? [
        [dy, to],
        [x, from],
      ]
    : [
        [x, from],
        [dy, to],
      ];
  if (rows === batch) {
    const [left, right] = operands.map(([t, width]) => square(b, reshape(b, t, [rows, width])));
    return b.op('Gemm', [left!, right!], { transA: int(1) });
  }
  const [left, right] = operands.map(([t, width]) => reshape(b, t, [batch, rows / batch, width]));
  const each = b.op('MatMul', [b.op('Transpose', [left!], { perm: ints([0, 2, 1]) }), right!]);
  return reshape(b, sum(b, square(b, each), [0]), b.shape(tensor));
}

function ofShift(b: GraphBuilder, { tensor }: Use, dy: string, batch: number): string {
  const [first, ...rest] = b.shape(dy) as [number, ...number[]];
  const shape = b.shape(tensor);
  const own = shape.length > rest.length ? shape.slice(1) : shape;
  const padded = [...Array<number>(rest.length - own.length).fill(1), ...own];
  const summed = sum(b, reshape(b, dy, [batch, first / batch, ...rest]), [1]);
  return reshape(b, sum(b, square(b, sumTo(b, summed, [batch, ...padded])), [0]), shape);
}
