import { LichenError } from '../errors.js';
import type { Graph, Model, ValueInfo } from './model.js';
import { ElementType } from './model.js';
import { FLOATING, typeName, typesOf } from './types.js';

export interface CutModel {
  /** From the network's input to the split tensor. */
  trunk: Model;
  /** From the split tensor to the network's outputs. */
  crown: Model;
}

/**
 * Tensors at which the network can be cut: everything after depends on the input only through this one tensor,
 * and it holds real numbers (in a quantized network every second one holds bytes). In topological order.
 */
export function cutPoints(graph: Graph): string[] {
  const type = typesOf(graph);
  return bottlenecks(graph).filter((name) => FLOATING.has(type(name) ?? ElementType.float));
}

function bottlenecks(graph: Graph): string[] {
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((n, i) => {
    for (const input of n.inputs) lastUse.set(input, i);
  });
  for (const o of graph.outputs) lastUse.set(o.name, graph.nodes.length);
  const live = new Set<string>(graph.inputs.map((i) => i.name));
  const points: string[] = [];
  graph.nodes.forEach((n, i) => {
    const dependent = n.inputs.some((name) => live.has(name));
    for (const name of n.inputs) if (lastUse.get(name) === i) live.delete(name);
    // A node that depends on no input is a constant: it belongs to whichever part reads it.
    if (dependent) for (const name of n.outputs) if (name && lastUse.has(name)) live.add(name);
    const only = live.size === 1 ? [...live][0] : undefined;
    if (only !== undefined && dependent && n.outputs.includes(only) && i < graph.nodes.length - 1)
      points.push(only);
  });
  return points;
}

/**
 * Cuts a network at a named tensor.
 * @param shape the tensor's shape without the batch, where known; it becomes the crown's input shape
 * @throws LichenError `cut-impossible`, listing the tensors where a cut is possible
 */
export function cutModel(model: Model, split: string, shape?: readonly number[]): CutModel {
  const { graph } = model;
  const points = cutPoints(graph);
  if (!points.includes(split)) {
    const exists = graph.nodes.some((n) => n.outputs.includes(split));
    const type = typesOf(graph)(split);
    const skipped = `a skip connection passes '${split}' by, so more than one tensor would have to be cut`;
    const why = !exists
      ? `the network has no tensor '${split}'`
      : type && !FLOATING.has(type)
        ? `'${split}' holds no real numbers but ${typeName(type)}, which no crown can learn from`
        : skipped;
    throw new LichenError(
      'cut-impossible',
      `cannot cut there: ${why}. Possible: ${points.join(', ') || 'none'}`,
    );
  }
  const type = typesOf(graph)(split) ?? ElementType.float;
  const at: ValueInfo = { name: split, type, ...(shape && { dims: ['N', ...shape] }) };
  return {
    trunk: subModel(model, graph.inputs, [at]),
    crown: subModel(model, [at], graph.outputs),
  };
}

/** The part of a model that computes `outputs` from `inputs`, with just the constants that it reads. */
export function subModel(model: Model, inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): Model {
  const { graph } = model;
  const given = new Set(inputs.map((i) => i.name));
  const needed = new Set(outputs.map((o) => o.name));
  const nodes = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const n = graph.nodes[i]!;
    if (!n.outputs.some((o) => needed.has(o) && !given.has(o))) continue;
    nodes.push(n);
    for (const input of n.inputs) needed.add(input);
  }
  nodes.reverse();
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  return {
    ...model,
    graph: { name: graph.name, nodes, initializers, inputs: [...inputs], outputs: [...outputs] },
  };
}
