import { evaluate, numbersOf } from './evaluate.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  floats,
  type Graph,
  int64s,
  type Model,
  type Node,
  sizeOf,
  type ValueInfo,
} from './model.js';
import { inferShapes, type ShapeContext } from './shapes.js';

/** The operator set that built graphs are written in, and the file format's version that goes with it. */
export const BUILD_OPSET = 17;
export const BUILD_IR_VERSION = 8;

/** Tensors of more elements are no shapes, axes or sizes: their values are not followed through the graph. */
const FOLLOWED = 1024;

/**
 * Builds an ONNX graph node by node. Every tensor has a static shape, known as soon as it is named, and what
 * is computed from shapes has known values, though its nodes stay. Equal small constants are kept once.
 */
export class GraphBuilder implements ShapeContext {
  readonly nodes: Node[] = [];
  readonly initializers = new Map<string, ConstantTensor>();
  readonly inputs: ValueInfo[] = [];
  readonly outputs: ValueInfo[] = [];
  private readonly shapes = new Map<string, number[]>();
  private readonly producers = new Map<string, Node>();
  private readonly values = new Map<string, ConstantTensor>();
  private readonly small = new Map<string, string>();
  private readonly reserved = new Set<string>();
  private count = 0;

  /** The static shape of a tensor. */
  shape(name: string): readonly number[] {
    const shape = this.shapes.get(name);
    if (!shape) throw new RangeError(`there is no tensor '${name}' in the graph`);
    return shape;
  }

  /** Whether a tensor of this name exists. */
  has(name: string): boolean {
    return this.shapes.has(name);
  }

  /** The values of an integer tensor that is constant or computed from shapes. */
  integers(name: string): number[] | undefined {
    const t = this.known(name);
    return t && (t.type === ElementType.int64 || t.type === ElementType.int32) ? numbersOf(t) : undefined;
  }

  /** The values of a small tensor that is constant or computed from shapes. */
  numbers(name: string): number[] | undefined {
    const t = this.known(name);
    return t && sizeOf(t.dims) <= FOLLOWED ? numbersOf(t) : undefined;
  }

  /** The values of a tensor that nodes compute from nothing but shapes and constants. */
  computed(name: string): ConstantTensor | undefined {
    return this.values.get(name);
  }

  /** The node that produces a tensor; undefined for inputs and constants. */
  producer(name: string): Node | undefined {
    return this.producers.get(name);
  }

  /** Declares an input. */
  input(name: string, dims: readonly number[], type: ElementType = ElementType.float): string {
    this.unused(name);
    this.inputs.push({ name, type, dims: [...dims] });
    this.shapes.set(name, [...dims]);
    return name;
  }

  /** Declares a tensor as an output. */
  output(name: string, type: ElementType = ElementType.float): string {
    this.outputs.push({ name, type, dims: [...this.shape(name)] });
    return name;
  }

  /** Adds a constant under a name, or under a fresh one. */
  constant(tensor: ConstantTensor, name = this.fresh('c')): string {
    this.unused(name);
    this.initializers.set(name, tensor);
    this.shapes.set(name, tensor.dims);
    return name;
  }

  /** A float scalar. */
  scalar(value: number): string {
    return this.shared(`f${Object.is(value, -0) ? '-0' : value}`, () => floats([value], []));
  }

  /** A row of ones, [1, length]. */
  ones(length: number): string {
    return this.shared(`ones${length}`, () => floats(new Array<number>(length).fill(1), [1, length]));
  }

  /** An int64 vector, for axes, shapes and pads. */
  ints(...values: number[]): string {
    return this.shared(`i${values}`, () => int64s(values));
  }

  /** Adds a node with one output and returns the output's name. */
  op(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    name?: string,
  ): string {
    const output = name ?? this.fresh(op);
    this.add({
      op,
      domain: op === 'Binarize' ? 'lichen' : '',
      name: output,
      inputs: [...inputs],
      outputs: [output],
      attributes,
    });
    return output;
  }

  /** Adds a node; it is named after its first output, since names of nodes must differ. */
  add(given: Node): void {
    const node = { ...given, name: given.outputs[0] ?? given.name };
    const shapes = inferShapes(node, this);
    node.outputs.forEach((output, i) => {
      if (!output) return;
      this.unused(output);
      this.shapes.set(output, shapes[i] ?? shapes[0]!);
      this.producers.set(output, node);
    });
    this.nodes.push(node);
    if (shapes.every((s) => sizeOf(s) <= FOLLOWED)) this.follow(node);
  }

  /** Asks a node for one more of its optional outputs, of the first output's shape unless another is given. */
  extraOutput(node: Node, index: number, shape = this.shape(node.outputs[0]!)): string {
    while (node.outputs.length <= index) node.outputs.push('');
    if (!node.outputs[index]) {
      const name = this.fresh(node.name);
      node.outputs[index] = name;
      this.shapes.set(name, [...shape]);
      this.producers.set(name, node);
    }
    return node.outputs[index]!;
  }

  /** A name that no tensor has yet. */
  fresh(prefix: string): string {
    let name: string;
    do name = `${prefix}_${this.count++}`;
    while (this.shapes.has(name) || this.reserved.has(name));
    return name;
  }

  /** Keeps a name for a tensor that is still to come: `fresh` does not give it. */
  reserve(name: string): void {
    this.reserved.add(name);
  }

  graph(name = 'graph'): Graph {
    return {
      name,
      nodes: this.nodes,
      initializers: this.initializers,
      inputs: this.inputs,
      outputs: this.outputs,
    };
  }

  model(name = 'graph'): Model {
    return { graph: this.graph(name), opset: BUILD_OPSET, irVersion: BUILD_IR_VERSION, metadata: {} };
  }

  private known(name: string): ConstantTensor | undefined {
    return this.initializers.get(name) ?? this.values.get(name);
  }

  /** Keeps the values of a node's outputs, where its inputs' values are known. */
  private follow(node: Node): void {
    const small = (name: string) => {
      const t = this.known(name);
      return t && sizeOf(t.dims) <= FOLLOWED ? t : undefined;
    };
    const values = evaluate(node, { shape: (name) => this.shapes.get(name), known: small }, FOLLOWED);
    node.outputs.forEach((output, i) => {
      if (output && values?.[i]) this.values.set(output, values[i]);
    });
  }

  private unused(name: string): void {
    if (this.shapes.has(name)) throw new RangeError(`the graph has a tensor '${name}' already`);
  }

  private shared(key: string, make: () => ConstantTensor): string {
    let name = this.small.get(key);
    if (!name) {
      name = this.constant(make());
      this.small.set(key, name);
    }
    return name;
  }
}
