import { fromHalf } from './float16.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  type Graph,
  int,
  type Model,
  type Node,
  type ValueInfo,
} from './model.js';
import { FLOATING, typesOf } from './types.js';

/**
 * Rewrites a graph that computes in float16, bfloat16 or double into float32, which is what is trained in:
 * constants, casts, and the types of inputs and outputs. A cast from one of these to another becomes an Identity.
 * Half precision's own rounding is left out, so results are nearer to the network's that it was made from.
 */
export function widen(model: Model): Model {
  const { graph } = model;
  const type = typesOf(graph);
  if (!usesOthers(graph)) return model;
  const info = (v: ValueInfo): ValueInfo => ({ ...v, type: widened(v.type) });
  return {
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.map((n) => widenNode(n, type)),
      initializers: new Map([...graph.initializers].map(([name, t]) => [name, widenTensor(t)])),
      inputs: graph.inputs.map(info),
      outputs: graph.outputs.map(info),
    },
  };
}

/** A constant in float32, if it is of another floating type. */
export function widenTensor(t: ConstantTensor): ConstantTensor {
  if (t.type === ElementType.float || !FLOATING.has(t.type)) return t;
  return { type: ElementType.float, dims: t.dims, data: toFloats(t) };
}

function toFloats({ type, data }: ConstantTensor): Float32Array {
  if (!(data instanceof Uint16Array)) return Float32Array.from(data, Number);
  if (type === ElementType.float16) return fromHalf(data);
  // bfloat16 is the upper half of a float32.
  return new Float32Array(Uint32Array.from(data, (bits) => bits << 16).buffer);
}

const widened = (type: ElementType): ElementType => (FLOATING.has(type) ? ElementType.float : type);

function usesOthers(graph: Graph): boolean {
  const other = (type: number) => widened(type as ElementType) !== type;
  return (
    [...graph.inputs, ...graph.outputs, ...graph.initializers.values()].some((v) => other(v.type)) ||
    graph.nodes.some((n) => Object.entries(n.attributes).some(([name, a]) => changed(name, a) !== a))
  );
}

/** Attributes that name an element type, of the operators that make tensors. */
const TYPE_ATTRIBUTES = new Set(['to', 'dtype', 'output_dtype']);

function changed(name: string, a: Attribute): Attribute {
  if (a.kind === 'tensor') {
    const value = widenTensor(a.value);
    return value === a.value ? a : { kind: 'tensor', value };
  }
  if (a.kind !== 'int' || !TYPE_ATTRIBUTES.has(name)) return a;
  const to = widened(a.value as ElementType);
  return to === a.value ? a : int(to);
}

function widenNode(n: Node, type: (name: string) => ElementType | undefined): Node {
  const attributes = Object.fromEntries(Object.entries(n.attributes).map(([k, a]) => [k, changed(k, a)]));
  const from = n.op === 'Cast' ? type(n.inputs[0] ?? '') : undefined;
  const to = attributes.to;
  if (from && FLOATING.has(from) && to?.kind === 'int' && to.value === ElementType.float) {
    return { ...n, op: 'Identity', attributes: {} };
  }
  return { ...n, attributes };
}
