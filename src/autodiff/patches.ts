import { GraphBuilder } from '../onnx/builder.js';
import { inline } from '../onnx/inline.js';
import {
  type Graph,
  int,
  int64s,
  intAttribute,
  ints,
  intsAttribute,
  type Model,
  type Node,
  node,
  sizeOf,
} from '../onnx/model.js';
import { type Window, windowOf } from '../onnx/shapes.js';
import { add, reshape } from './rule.js';
import { everywhere, readPlaces } from './windows.js';

/** Patches of a layer that take more bytes than this are not made: they grow with the kernel's size. */
const MOST_BYTES = 64 * 2 ** 20;

type Shapes = (name: string) => readonly number[];

/** A pool whose windows do not overlap, behind a convolution that nothing else reads. */
interface Pooling {
  node: Node;
  window: Window;
}

/**
 * Rewrites a forward graph so that convolutions by weights that are no constants, so that the runtime can prepare
 * nothing for them, are one matrix product each: the patches that the kernel sees, rows of channels-last tensors put
 * side by side by a Gather, times the weight. The weight's gradient is a product with the same patches.
 *
 * The windows of the patches may come in any order. Where a max pool whose windows do not overlap follows, they come
 * as it reads them, first the first element of every window of the pool, and the pool is a maximum over an axis that
 * lies outermost. An activation that never falls, between the two, goes behind the pool.
 *
 * The result has nodes that only differentiation knows; `standardNodes` replaces them. It computes the same.
 */
export function patched(graph: Graph, shapes: Shapes): GraphBuilder {
  const b = new GraphBuilder();
  for (const o of graph.outputs) b.reserve(o.name);
  const fed = new Map(graph.inputs.map((i) => [i.name, b.input(i.name, shapes(i.name), i.type)]));
  const merged = new Set<Node>();
  const names = inline(b, graph, fed, (n, inputs) => {
    if (merged.has(n)) return inputs[0];
    const window = n.op === 'Conv' ? patchWindow(n, graph, shapes) : undefined;
    if (!window) return undefined;
    const pooling = poolingBehind(n, graph, shapes);
    if (pooling) merged.add(pooling.node);
    const bias = graph.initializers.get(n.inputs[2] ?? '');
    const given = bias ? b.constant(bias, b.fresh('bias')) : inputs[2];
    return product(b, inputs[0]!, inputs[1]!, given, window, pooling?.window);
  });
  for (const o of graph.outputs) {
    const name = names.get(o.name) ?? o.name;
    if (name !== o.name) b.op('Identity', [name], {}, o.name);
    b.output(o.name, o.type);
  }
  return b;
}

/** Replaces the nodes of `patched` by the standard's. */
export function standardNodes(model: Model): Model {
  const nodes = model.graph.nodes.map((n): Node => {
    if (n.op === 'PatchGemm') return node('Gemm', n.inputs.slice(0, 2), n.outputs);
    if (n.op === 'FirstMax')
      return node('ReduceMax', n.inputs, n.outputs, { axes: ints([1]), keepdims: int(1) });
    return n;
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

/** The geometry of a convolution that is better a product of patches. */
function patchWindow(n: Node, graph: Graph, shapes: Shapes): Window | undefined {
  if (graph.initializers.has(n.inputs[0]!) || graph.initializers.has(n.inputs[1]!)) return undefined;
  const [batch, channels, ...spatial] = shapes(n.inputs[0]!) as [number, number, ...number[]];
  const window = windowOf(n, spatial, shapes(n.inputs[1]!).slice(2));
  const { kernel, strides, pads, output } = window;
  // Those are products of rows as they are.
  const pointwise = [...kernel, ...strides].every((k) => k === 1) && pads.every((p) => p === 0);
  const bytes = 4 * batch * channels * sizeOf(output) * sizeOf(kernel);
  return intAttribute(n, 'group', 1) === 1 && !pointwise && bytes <= MOST_BYTES ? window : undefined;
}

/** The pool that reads a convolution's output, at most through activations, where its windows do not overlap. */
function poolingBehind(conv: Node, graph: Graph, shapes: Shapes): Pooling | undefined {
  const isOutput = (name: string) => graph.outputs.some((o) => o.name === name);
  let from = conv;
  for (;;) {
    const name = from.outputs[0]!;
    const readers = graph.nodes.filter((n) => n.inputs.includes(name));
    const [reader] = readers;
    if (!reader || readers.length > 1 || isOutput(name) || reader.inputs.lastIndexOf(name) > 0)
      return undefined;
    if (reader.op === 'MaxPool') {
      const spatial = shapes(name).slice(2);
      const window = windowOf(reader, spatial, intsAttribute(reader, 'kernel_shape') ?? []);
      return !reader.outputs[1] && isApart(window, spatial) ? { node: reader, window } : undefined;
    }
    // Of equal activations the first is also the first of equal inputs, or their gradient is zero.
    if (reader.op !== 'Relu' && reader.op !== 'Clip') return undefined;
    from = reader;
  }
}

/** Whether no windows overlap, and all lie within the input. */
function isApart({ kernel, strides, dilations, pads, output }: Window, spatial: readonly number[]): boolean {
  return (
    [...pads, ...dilations.map((d) => d - 1)].every((p) => p === 0) &&
    spatial.every(
      (size, i) => strides[i]! >= kernel[i]! && (output[i]! - 1) * strides[i]! + kernel[i]! <= size,
    )
  );
}

/** Adds the product; the result is [N, C, ...] again, of the pool's output where there is a pool. */
function product(
  b: GraphBuilder,
  x: string,
  weight: string,
  bias: string | undefined,
  window: Window,
  pool: Window | undefined,
): string {
  const [batch, channels, ...spatial] = b.shape(x) as [number, number, ...number[]];
  const outputs = b.shape(weight)[0]!;
  const elements = sizeOf(window.kernel);
  const last = b.op('Transpose', [x], { perm: ints([0, ...spatial.map((_, i) => i + 2), 1]) });
  const rows = reshape(b, last, [batch, sizeOf(spatial), channels]);
  const order = pool ? pooledOrder(window.output, pool) : everywhere(window.output);
  const places = b.constant(int64s(readPlaces(spatial, window, order)));
  const patches = reshape(b, picked(b, rows, places), [batch * order.length, elements * channels]);
  const y = b.fresh('product');
  // The patches have no gradient of their own: it goes from the product to the rows that they were picked from.
  b.add(node('PatchGemm', [patches, elementRows(b, weight), rows, places], [y], {}, 'lichen'));
  const sizes = pool?.output ?? window.output;
  const kept = pool ? largest(b, y, batch, sizeOf(pool.kernel)) : y;
  const pictures = reshape(b, kept, [batch, sizeOf(sizes), outputs]);
  const shaped = reshape(b, bias ? shifted(b, pictures, bias) : pictures, [batch, ...sizes, outputs]);
  return b.op('Transpose', [shaped], { perm: ints([0, sizes.length + 1, ...sizes.map((_, i) => i + 1)]) });
}

/** Rows of [N, rows, C] by their places, one behind the last for a row of zeros. */
export function picked(b: GraphBuilder, rows: string, places: string): string {
  const count = b.shape(rows)[1]!;
  const padded = b.integers(places)!.includes(count) ? b.op('Pad', [rows, b.ints(0, 0, 0, 0, 1, 0)]) : rows;
  return b.op('Gather', [padded, places], { axis: int(1) });
}

/** A convolution's weight [out, in, ...kernel] as a matrix [kernel x in, out]. */
function elementRows(b: GraphBuilder, weight: string): string {
  const [outputs, channels, ...kernel] = b.shape(weight) as [number, number, ...number[]];
  const elements = sizeOf(kernel);
  const matrix = reshape(b, weight, [outputs, channels * elements]);
  // Two steps: the runtime turns matrices, and moves whole rows, several times faster than it turns three axes.
  const columns = b.op('Transpose', [matrix], { perm: ints([1, 0]) });
  const order = everywhere([elements, channels]).map(
    (i) => (i % channels) * elements + Math.floor(i / channels),
  );
  return elements === 1 ? columns : b.op('Gather', [columns, b.constant(int64s(order))], { axis: int(0) });
}

/** Places of a pool's input: of the first element of every window, then of the second, and so on. */
function pooledOrder(size: readonly number[], pool: Window): number[] {
  const windows = everywhere(pool.output);
  const reads = readPlaces(size, pool, windows);
  const elements = sizeOf(pool.kernel);
  return everywhere(pool.kernel).flatMap((e) => windows.map((w) => reads[w * elements + e]!));
}

/**
 * Adds a bias to [N, rows, C]; it goes to each picture, so that its gradient is summed within each first, which the
 * runtime does in parallel. As part of the product it would first be copied to every row, also to those that a pool drops.
 */
const shifted = (b: GraphBuilder, rows: string, bias: string): string =>
  add(b, rows, b.op('Expand', [bias, b.ints(b.shape(rows)[0]!, 1, b.shape(bias)[0]!)]));

/** The maximum over windows whose elements lie one behind the other. */
function largest(b: GraphBuilder, rows: string, batch: number, elements: number): string {
  const apart = reshape(b, rows, [batch, elements, sizeOf(b.shape(rows)) / batch / elements]);
  const y = b.fresh('largest');
  b.add(node('FirstMax', [apart], [y], {}, 'lichen'));
  return y;
}
