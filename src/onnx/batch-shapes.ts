import {
  type ConstantTensor,
  ElementType,
  type Graph,
  int64s,
  intAttribute,
  type Node,
  sizeOf,
} from './model.js';
import { inferShapes, type ShapeContext } from './shapes.js';

/** A tensor of integers that is computed from shapes and constants: a vector, or a number where dims are []. */
interface Integers {
  dims: number[];
  values: number[];
}

/**
 * Shapes and integer tensors of a graph for one batch size, node by node, as far as they can be told without
 * running it.
 */
class Known implements ShapeContext {
  private readonly shapes = new Map<string, readonly number[]>();
  private readonly computed = new Map<string, Integers>();
  private readonly constants: ReadonlyMap<string, ConstantTensor>;

  constructor(graph: Graph, constants: ReadonlyMap<string, ConstantTensor>, batch: number) {
    this.constants = constants;
    for (const { name, dims } of graph.inputs) {
      if (dims?.slice(1).every((d) => typeof d === 'number')) {
        this.shapes.set(name, [batch, ...(dims.slice(1) as number[])].slice(0, dims.length));
      }
    }
  }

  dims(name: string): readonly number[] | undefined {
    return this.constants.get(name)?.dims ?? this.shapes.get(name);
  }

  shape(name: string): readonly number[] {
    const dims = this.dims(name);
    if (!dims) throw new RangeError(`the shape of '${name}' is not known`);
    return dims;
  }

  integers(name: string): number[] | undefined {
    return this.value(name)?.values;
  }

  value(name: string): Integers | undefined {
    const t = this.constants.get(name);
    if (!t) return this.computed.get(name);
    if (t.type !== ElementType.int64 && t.type !== ElementType.int32) return undefined;
    return t.dims.length > 1 ? undefined : { dims: t.dims, values: Array.from(t.data, Number) };
  }

  add(n: Node): void {
    const value = evaluate(n, this);
    if (value) this.computed.set(n.outputs[0]!, value);
    try {
      inferShapes(n, this).forEach((dims, i) => {
        if (n.outputs[i] && dims.every((d) => Number.isSafeInteger(d) && d >= 0)) {
          this.shapes.set(n.outputs[i]!, dims);
        }
      });
    } catch {
      // What is not known stays unknown; whoever needs it says so.
      if (value) this.shapes.set(n.outputs[0]!, value.dims);
    }
  }
}

/** Integer arithmetic as exporters write it around Reshape. */
function evaluate(n: Node, known: Known): Integers | undefined {
  const [a, b] = n.inputs.map((i) => known.value(i));
  const vector = (values: number[]): Integers => ({ dims: [values.length], values });
  const binary = (f: (p: number, q: number) => number): Integers | undefined => {
    if (!a || !b) return undefined;
    const long = a.dims.length >= b.dims.length ? a : b;
    const at = (t: Integers, i: number) => t.values[t.values.length === 1 ? 0 : i] ?? Number.NaN;
    return { dims: long.dims, values: long.values.map((_, i) => f(at(a, i), at(b, i))) };
  };
  switch (n.op) {
    case 'Shape': {
      const dims = known.dims(n.inputs[0] ?? '');
      const end = n.attributes.end ? intAttribute(n, 'end', 0) : undefined;
      return dims && vector(dims.slice(intAttribute(n, 'start', 0), end));
    }
    case 'Gather': {
      if (!a || !b || intAttribute(n, 'axis', 0) !== 0) return undefined;
      return { dims: b.dims, values: b.values.map((i) => a.values.at(i) ?? Number.NaN) };
    }
    case 'Concat': {
      const parts = n.inputs.map((i) => known.value(i));
      return parts.every((p) => p !== undefined) ? vector(parts.flatMap((p) => p.values)) : undefined;
    }
    case 'Slice': {
      const [from, to, , step] = n.inputs.slice(1).map((i) => known.value(i)?.values[0]);
      if (!a || from === undefined || to === undefined || (step ?? 1) !== 1) return undefined;
      return vector(a.values.slice(from, to));
    }
    case 'Unsqueeze':
      return a?.values.length === 1 ? vector(a.values) : undefined;
    case 'Squeeze':
      return a?.values.length === 1 ? { dims: [], values: a.values } : undefined;
    case 'Cast':
    case 'Identity':
      return a;
    case 'Add':
      return binary((p, q) => p + q);
    case 'Sub':
      return binary((p, q) => p - q);
    case 'Mul':
      return binary((p, q) => p * q);
    case 'Div':
      return binary((p, q) => Math.trunc(p / q));
    default:
      return undefined;
  }
}

/**
 * What can be told of a graph whose batch is not known: shapes, and which integers depend on the batch. Everything
 * is computed for batches of 1 and of 2; what is the same in both does not depend on it.
 */
export class BatchShapes {
  private readonly one: Known;
  private readonly two: Known;
  private readonly constants: Map<string, ConstantTensor>;

  /** @param constants of the graph; integers that turn out to be constant are added */
  constructor(graph: Graph, constants: Map<string, ConstantTensor>) {
    this.constants = constants;
    this.one = new Known(graph, constants, 1);
    this.two = new Known(graph, constants, 2);
  }

  /** The shape of a tensor for a batch of 1. */
  dims(name: string): readonly number[] | undefined {
    return this.one.dims(name);
  }

  /**
   * Takes the next node, in order.
   * @returns false where the node is not needed any more, since its output is a constant now
   */
  add(n: Node): boolean {
    this.one.add(n);
    this.two.add(n);
    const out = n.outputs[0]!;
    const value = this.one.value(out);
    const other = this.two.value(out);
    if (!value || String(value.values) !== String(other?.values)) return true;
    if (!value.values.every(Number.isSafeInteger)) return true;
    this.constants.set(out, { ...int64s(value.values), dims: value.dims });
    return false;
  }

  /**
   * The target of a Reshape that holds for any batch: sizes that depend on the batch are taken from the input, or
   * are what is left. That of a graph exported for a batch of 1 is freed from it.
   * @returns undefined where the target holds as it is, or nothing is known
   */
  target(n: Node): number[] | undefined {
    const [x = '', shape = ''] = n.inputs;
    const target = this.one.integers(shape);
    const other = this.two.integers(shape);
    const from = this.one.dims(x);
    const from2 = this.two.dims(x);
    if (!target || !other || !from || !from2 || intAttribute(n, 'allowzero', 0) === 1) return undefined;
    const copied = (i: number) => from[i] === target[i] && from2[i] === other[i];
    if (target.some((d, i) => d !== other[i])) {
      let left = !target.includes(-1);
      return target.map((d, i) => {
        if (d === other[i]) return d;
        if (copied(i)) return 0;
        // Only one size can be what is left; another one keeps its value, which the shape's check then refuses.
        const free = left;
        left = false;
        return free ? -1 : d;
      });
    }
    const fits = sizeOf(target) === sizeOf(from) && sizeOf(from) !== sizeOf(from2);
    return fits && target[0] === 1 && from[0] === 1 && from2[0] === 2 ? [0, ...target.slice(1)] : undefined;
  }
}
