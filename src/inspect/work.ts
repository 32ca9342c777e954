import { type Graph, intAttribute, type Node, sizeOf } from '../onnx/model.js';
import { multiplyAdds } from './multiply-adds.js';
import { staticShapes } from './static-shapes.js';

/** Kinds of work whose speed differs by orders of magnitude, so that each has a rate of its own. */
export const WORK_KINDS = ['nodes', 'dense', 'grouped', 'transposed', 'moved'] as const;
export type WorkKind = (typeof WORK_KINDS)[number];

/**
 * What a graph asks of the machine in one run: its `nodes`; multiply-adds of `dense` and of `grouped`
 * convolutions and products; bytes that transpositions read and write (`transposed`), and that all other nodes
 * do (`moved`), which are bound by memory.
 */
export type Work = Record<WorkKind, number>;

/** Operators that rename positions and copy nothing. */
const FREE = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);
const PRODUCTS = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** The work of a built graph, all of whose inputs have static shapes. */
export function workOf(graph: Graph): Work {
  const inputs = new Map(graph.inputs.map((i) => [i.name, (i.dims ?? []).map(Number)]));
  const { shapes } = staticShapes(graph, inputs);
  const shape = (name: string) => shapes.get(name)!;
  const work: Work = { nodes: graph.nodes.length, dense: 0, grouped: 0, transposed: 0, moved: 0 };
  for (const n of graph.nodes) {
    if (FREE.has(n.op)) continue;
    if (PRODUCTS.has(n.op)) {
      work[intAttribute(n, 'group', 1) > 1 ? 'grouped' : 'dense'] += multiplyAdds(n, shape);
    } else work[n.op === 'Transpose' ? 'transposed' : 'moved'] += bytesOf(n, shape);
  }
  return work;
}

/** Bytes that a node reads and writes, four an element. */
function bytesOf(n: Node, shape: (name: string) => readonly number[]): number {
  return [...n.inputs, ...n.outputs].reduce((sum, name) => sum + (name ? 4 * sizeOf(shape(name)) : 0), 0);
}
