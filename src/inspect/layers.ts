import { gradients } from '../autodiff/gradient.js';
import { LichenError, messageOf } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { ElementType, type Graph, int, int64s, type Node, sizeOf } from '../onnx/model.js';
import { multiplyAdds } from './multiply-adds.js';
import type { Network } from './network.js';
import { type StaticShapes, staticShapes, type Unknown } from './static-shapes.js';

/** One node of a network, with its figures for one sample. */
export interface Layer {
  node: Node;
  /** Shape of the first output; null where it cannot be inferred. */
  shape: readonly number[] | null;
  /** Elements of the constants that no layer before reads. */
  weights: number;
  /** Null where the shape is not known. */
  multiplyAdds: number | null;
  /** Why the shape is not known. */
  unknown: Unknown | null;
  /** Why no gradient passes it. */
  blocks: string | null;
}

export interface Layers {
  layers: Layer[];
  shapes: StaticShapes;
  /** The layer of a node. */
  of: ReadonlyMap<Node, Layer>;
}

/** Every node of a network as a layer, in the order in which they run. */
export function layersOf({ model, input, inputShape }: Network): Layers {
  const { graph } = model;
  const shapes = staticShapes(graph, new Map([[input, inputShape]]));
  const read = new Set<string>();
  const of = new Map<Node, Layer>();
  for (const node of graph.nodes) {
    const unknown = shapes.unknown.get(node) ?? null;
    const own = new Set(node.inputs.filter((i) => !read.has(i)));
    for (const i of own) read.add(i);
    of.set(node, {
      node,
      shape: shapes.shapes.get(node.outputs[0]!) ?? null,
      weights: weightsOf(graph, own),
      multiplyAdds: unknown === null ? multiplyAdds(node, (name) => shapes.shapes.get(name)!) : null,
      unknown,
      blocks: unknown?.reason ?? gradientProblem(graph, node, shapes),
    });
  }
  return { layers: [...of.values()], shapes, of };
}

const FLOATING = new Set<ElementType>([ElementType.float, ElementType.float16, ElementType.double]);
const QUANTIZED = new Set<ElementType>([ElementType.int8, ElementType.uint8]);

/** Elements of those of the tensors that are weights: constants, but no single numbers, shapes or indices. */
export function weightsOf(graph: Graph, tensors: Iterable<string>): number {
  let sum = 0;
  for (const name of tensors) {
    const t = graph.initializers.get(name);
    if (t && sizeOf(t.dims) > 1 && (FLOATING.has(t.type) || QUANTIZED.has(t.type))) sum += sizeOf(t.dims);
  }
  return sum;
}

/** Why the gradient of a node's variable inputs cannot be had; null where it can. */
function gradientProblem(graph: Graph, node: Node, { shapes, integers }: StaticShapes): string | null {
  const b = new GraphBuilder();
  const variable: string[] = [];
  for (const name of new Set(node.inputs)) {
    if (!name) continue;
    const dims = [...shapes.get(name)!];
    const constant = graph.initializers.get(name);
    const computed = constant ? undefined : integers(name);
    if (constant) b.constant(constant, name);
    else if (computed) b.constant({ ...int64s(computed), dims }, name);
    else variable.push(b.input(name, dims));
  }
  if (variable.length === 0) return null;
  try {
    // A rule may ask a node for more outputs: it gets a copy.
    b.add({ ...node, inputs: [...node.inputs], outputs: [...node.outputs] });
    const loss = b.op('ReduceSum', [node.outputs[0]!], { keepdims: int(0) });
    gradients(b, loss, variable);
    return null;
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    // An input that the output does not depend on, such as a shape, blocks nothing.
    if (error.code === 'gradient-none') return null;
    return error.cause === undefined ? 'it has no gradient rule' : messageOf(error.cause);
  }
}
