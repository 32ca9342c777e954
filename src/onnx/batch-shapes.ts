import { evaluate, numbersOf } from './evaluate.js';
import { type ConstantTensor, ElementType, type Graph, intAttribute, type Node, sizeOf } from './model.js';
import { inferShapes, type ShapeContext } from './shapes.js';

/** Tensors of more elements are no shapes, axes or sizes: their values are not followed. */
const FOLLOWED = 1024;

/**
 * Shapes and integer tensors of a graph for one batch size, node by node, as far as they can be told without
 * running it.
 */
class Known implements ShapeContext {
  private readonly shapes = new Map<string, readonly number[]>();
  private readonly computed = new Map<string, ConstantTensor>();
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
    const t = this.constants.get(name) ?? this.computed.get(name);
    return t && (t.type === ElementType.int64 || t.type === ElementType.int32) ? numbersOf(t) : undefined;
  }

  numbers(name: string): number[] | undefined {
    const t = this.small(name);
    return t && numbersOf(t);
  }

  /** The value of a tensor that is computed. */
  value(name: string): ConstantTensor | undefined {
    return this.computed.get(name);
  }

  add(n: Node): void {
    const context = { shape: (name: string) => this.dims(name), known: (name: string) => this.small(name) };
    evaluate(n, context, FOLLOWED)?.forEach((value, i) => {
      const out = n.outputs[i];
      if (!out) return;
      this.computed.set(out, value);
      this.shapes.set(out, value.dims);
    });
    try {
      inferShapes(n, this).forEach((dims, i) => {
        if (n.outputs[i] && dims.every((d) => Number.isSafeInteger(d) && d >= 0)) {
          this.shapes.set(n.outputs[i]!, dims);
        }
      });
    } catch {
      // What is not known stays unknown; whoever needs it says so.
    }
  }

  private small(name: string): ConstantTensor | undefined {
    const t = this.constants.get(name) ?? this.computed.get(name);
    return t && t.data.length <= FOLLOWED ? t : undefined;
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

  /** The axes of a tensor that have one element whatever the batch, where its shape can be told. */
  ones(name: string): number[] | undefined {
    const two = this.two.dims(name);
    return two && this.one.dims(name)?.flatMap((d, i) => (d === 1 && two[i] === 1 ? [i] : []));
  }

  /**
   * Takes the next node, in order.
   * @returns false where the node is not needed any more, since its output is a constant now
   */
  add(n: Node): boolean {
    this.one.add(n);
    this.two.add(n);
    const outputs = n.outputs.filter((o) => o !== '');
    const known = outputs.map((o) => [this.one.value(o), this.two.value(o)] as const);
    const same = known.every(
      ([one, two]) =>
        one && two && String(one.dims) === String(two.dims) && String(one.data) === String(two.data),
    );
    if (!same) return true;
    outputs.forEach((o, i) => {
      this.constants.set(o, known[i]![0]!);
    });
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
    if (target.some((d, i) => d !== other[i])) {
      const [one, two] = [resolved(target, from), resolved(other, from2)];
      const copied = (i: number) => from[i] === one[i] && from2[i] === two[i];
      const open = one.filter((d, i) => d !== two[i] && !copied(i)).length;
      // Only one size can be what is left; with more of them the target is computed when it runs.
      if (open > 1 || !one.every(Number.isInteger)) return undefined;
      return one.map((d, i) => (d === two[i] ? d : copied(i) ? 0 : -1));
    }
    const fits = sizeOf(target) === sizeOf(from) && sizeOf(from) !== sizeOf(from2);
    return fits && target[0] === 1 && from[0] === 1 && from2[0] === 2 ? [0, ...target.slice(1)] : undefined;
  }
}

/** A Reshape's target with its 0 and -1 as the sizes that they stand for. */
function resolved(target: readonly number[], from: readonly number[]): number[] {
  const sizes = target.map((d, i) => (d === 0 ? (from[i] ?? 0) : d));
  const rest = sizeOf(sizes.filter((d) => d !== -1));
  return sizes.map((d) => (d === -1 ? sizeOf(from) / rest : d));
}
