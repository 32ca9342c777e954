import { gradients } from '../autodiff/gradient.js';
import { add, reshape, scale, sum } from '../autodiff/rule.js';
import { GraphBuilder } from '../onnx/builder.js';
import { inline } from '../onnx/inline.js';
import { int } from '../onnx/model.js';

/** A batch's loss and gradients, computed piece by piece in one graph. */
export interface Pieces {
  builder: GraphBuilder;
  /** The sum of the pieces' losses. */
  loss: string;
  /**
   * For each tensor through which the loss depends on what is trained, its gradient, summed over the pieces. They are
   * computed from what is trained alone, once for all pieces: trained tensors themselves, masked weights.
   */
  gradients: Map<string, string>;
  /** For each tensor of `rows`, those of all pieces, one after the other. */
  joined: string[];
}

/**
 * Gradient accumulation inside one graph: forward and backward pass of a micro-batch, written `pieces` times over the
 * parts of a batch. A piece begins only when the one before has given all its gradients, so that a step needs the
 * memory of a micro-batch and has the gradient of the whole batch, to rounding.
 * @param micro a graph of a micro-batch up to its loss; the loss of the batch is the sum of the pieces' losses
 * @param samples inputs that have the batch as their first dimension
 * @param trained inputs that are trained
 * @param rows tensors with an entry per sample that are wanted of the whole batch
 */
export function inPieces(
  micro: GraphBuilder,
  samples: readonly string[],
  loss: string,
  trained: readonly string[],
  pieces: number,
  rows: readonly string[] = [],
): Pieces {
  const b = new GraphBuilder();
  for (const { name, type } of micro.inputs) {
    const [rows, ...rest] = micro.shape(name);
    b.input(name, samples.includes(name) ? [rows! * pieces, ...rest] : micro.shape(name), type);
  }
  for (const [name, constant] of micro.initializers) b.constant(constant, name);
  const { piece, boundary } = onePiece(micro, b, samples, trained);
  const found = gradients(piece, loss, boundary);
  // What the rules added; constants are there once for all pieces, too.
  const shared = new Map(boundary.map((name) => [name, name]));
  for (const [name, constant] of piece.initializers) {
    shared.set(name, micro.initializers.has(name) ? name : b.constant(constant));
  }
  const sums = new Map<string, string>();
  const joined = rows.map((): string[] => []);
  let total: string | undefined;
  for (let k = 0; k < pieces; k++) {
    const given = new Map(shared);
    const wait = k > 0 ? zeroAfter(b, [...sums.values()]) : undefined;
    for (const [i, name] of samples.entries()) {
      const size = micro.shape(name)[0]!;
      const part = b.op('Slice', [name, b.ints(k * size), b.ints((k + 1) * size), b.ints(0)]);
      given.set(name, i === 0 && wait ? add(b, part, wait) : part);
    }
    const names = inline(b, piece.graph(), given);
    const own = (name: string) => names.get(name) ?? name;
    total = total ? add(b, total, own(loss)) : own(loss);
    for (const [i, name] of rows.entries()) joined[i]!.push(own(name));
    for (const [name, gradient] of found) {
      const before = sums.get(name);
      sums.set(name, before ? add(b, before, own(gradient)) : own(gradient));
    }
  }
  const whole = joined.map((parts) => b.op('Concat', parts, { axis: int(0) }));
  return { builder: b, loss: total!, gradients: sums, joined: whole };
}

/**
 * Parts the graph of a micro-batch: what is computed from trained inputs alone goes to `whole`, all else into a graph
 * of its own that reads it.
 * @returns that graph, and the names of what it reads
 */
function onePiece(
  micro: GraphBuilder,
  whole: GraphBuilder,
  samples: readonly string[],
  trained: readonly string[],
): { piece: GraphBuilder; boundary: string[] } {
  const piece = new GraphBuilder();
  for (const name of samples) piece.input(name, micro.shape(name));
  for (const [name, constant] of micro.initializers) piece.constant(constant, name);
  const dependent = new Set(samples);
  const active = new Set(trained);
  const boundary = new Set<string>();
  for (const n of micro.nodes) {
    const ofSamples = n.inputs.some((i) => dependent.has(i));
    const ofTrained = n.inputs.some((i) => active.has(i));
    if (!ofSamples) whole.add(n);
    if (ofSamples) for (const o of n.outputs) dependent.add(o);
    else if (ofTrained) for (const o of n.outputs) active.add(o);
    if (ofTrained && !ofSamples) continue;
    for (const i of n.inputs) {
      if (!active.has(i) || piece.has(i)) continue;
      piece.input(i, micro.shape(i));
      boundary.add(i);
    }
    piece.add(n);
  }
  return { piece, boundary: [...boundary] };
}

/**
 * A zero that is computed from all of these tensors: what is added to it comes after them. The runtime would
 * otherwise begin with the forward passes of all pieces and keep their tensors.
 */
function zeroAfter(b: GraphBuilder, tensors: readonly string[]): string {
  const firsts = tensors.map((name) => {
    const axes = b.shape(name).map((_, axis) => axis);
    if (axes.length === 0) return reshape(b, name, [1]);
    const [from, to] = [b.ints(...axes.map(() => 0)), b.ints(...axes.map(() => 1))];
    return reshape(b, b.op('Slice', [name, from, to, b.ints(...axes)]), [1]);
  });
  return scale(b, sum(b, b.op('Concat', firsts, { axis: int(0) }), [0]), 0);
}
