import type { Tensor } from '@tensorflow/tfjs-core';
import { LichenError, messageOf } from '../../errors.js';
import { ElementType, type Graph, type Node, sizeOf } from '../../onnx/model.js';
import type { FloatTensor, Program } from '../engine.js';
import { Call, type Operator, type Result } from './call.js';
import { choose, type Library, type Tf } from './library.js';
import { operatorsOf } from './operators.js';
import { Value } from './value.js';

/** One node with what computes it, and the tensors that nothing needs after it. */
interface Step {
  node: Node;
  operator: Operator;
  last: string[];
}

/** A graph that is computed node by node with TensorFlow.js. */
export class TfjsProgram implements Program {
  readonly outputs: readonly string[];
  private readonly library: Library;
  private readonly graph: Graph;
  private readonly constants = new Map<string, Value>();
  private readonly steps: Step[];
  private closed = false;

  /**
   * @param graph in the operator set that Lichen builds graphs in
   * @throws LichenError `engine-compile`
   */
  constructor(library: Library, graph: Graph) {
    this.library = library;
    this.graph = graph;
    this.outputs = graph.outputs.map((o) => o.name);
    for (const input of graph.inputs) {
      if (input.type === ElementType.float) continue;
      throw new LichenError('engine-compile', `input '${input.name}' is not of float32, which programs take`);
    }
    this.steps = stepsOf(graph);
    for (const [name, t] of graph.initializers) this.constants.set(name, Value.constant(library.tf, t));
  }

  async run(
    feeds: Record<string, FloatTensor>,
    into: Record<string, FloatTensor> = {},
  ): Promise<Record<string, FloatTensor>> {
    if (this.closed) throw new LichenError('engine-run', 'the program was closed and cannot run any more');
    this.check(feeds);
    await choose(this.library);
    // Closed meanwhile: from here on nothing waits.
    if (this.closed) throw new LichenError('engine-run', 'the program was closed before it could run');
    const values = new Map(this.constants);
    try {
      for (const { name } of this.graph.inputs) {
        const { data, dims } = feeds[name]!;
        values.set(name, Value.of(this.library.tf, this.library.tf.tensor(data, [...dims], 'float32')));
      }
      for (const step of this.steps) this.compute(step, values);
      return Object.fromEntries(this.outputs.map((name) => [name, read(name, values, named(into, name))]));
    } finally {
      for (const [name, value] of values) if (!this.constants.has(name)) value.dispose();
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const value of this.constants.values()) value.dispose();
    this.constants.clear();
  }

  private compute({ node, operator, last }: Step, values: Map<string, Value>): void {
    const { tf } = this.library;
    const results = valuesOf(tf, node, () => operator(new Call(tf, node, values)));
    results.forEach((value, i) => {
      const name = node.outputs[i];
      if (name) values.set(name, value);
      else value.dispose();
    });
    for (const name of last) {
      values.get(name)?.dispose();
      values.delete(name);
    }
  }

  private check(feeds: Record<string, FloatTensor>): void {
    const known = new Map(this.graph.inputs.map((i) => [i.name, i]));
    for (const name of Object.keys(feeds)) {
      if (!known.has(name)) {
        throw new LichenError(
          'engine-run',
          `there is no input '${name}'; inputs: ${[...known.keys()].join(', ') || 'none'}`,
        );
      }
    }
    for (const [name, { dims: wanted }] of known) {
      const feed = named(feeds, name);
      if (!feed) throw new LichenError('engine-run', `input '${name}' is missing`);
      const fits =
        !wanted ||
        (wanted.length === feed.dims.length &&
          wanted.every((d, i) => typeof d !== 'number' || d === feed.dims[i]));
      if (!fits) {
        throw new LichenError(
          'engine-run',
          `input '${name}' is of shape [${feed.dims}]; expected [${wanted}]`,
        );
      }
      if (feed.data.length !== sizeOf(feed.dims)) {
        throw new LichenError(
          'engine-run',
          `input '${name}' of shape [${feed.dims}] has ${feed.data.length} elements; expected ${sizeOf(feed.dims)}`,
        );
      }
    }
  }
}

/** What is given under a name, which may be that of something which every object has, like 'constructor'. */
function named<T>(given: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

/** The nodes in order; every tensor goes with the last node that reads or, unread, makes it. */
function stepsOf(graph: Graph): Step[] {
  const operators = operatorsOf(graph);
  const kept = new Set([...graph.outputs.map((o) => o.name), ...graph.initializers.keys()]);
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((n, i) => {
    for (const name of [...n.inputs, ...n.outputs]) if (name && !kept.has(name)) lastUse.set(name, i);
  });
  const steps = graph.nodes.map((node, i): Step => ({ node, operator: operators[i]!, last: [] }));
  for (const [name, i] of lastUse) steps[i]!.last.push(name);
  return steps;
}

/** Runs an operator; what it needed in between is disposed of. */
function valuesOf(tf: Tf, node: Node, compute: () => Result): Value[] {
  try {
    const made: Value[] = [];
    tf.tidy(() => {
      const result = compute();
      // An operator may give what it was given; each value owns a tensor of its own.
      const own = (t: Tensor) => (t.kept ? tf.clone(t) : t);
      if (Array.isArray(result)) made.push(...result.map((t) => Value.of(tf, own(t))));
      else if ('channelsLast' in result) made.push(Value.ofChannelsLast(tf, own(result.channelsLast)));
      else made.push(Value.of(tf, own(result)));
    });
    return made;
  } catch (error) {
    throw new LichenError(
      'engine-run',
      `TensorFlow.js cannot run node '${node.name}' (${node.op}): ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** An output as numbers, in a new tensor or in the one given for it. */
function read(name: string, values: ReadonlyMap<string, Value>, into: FloatTensor | undefined): FloatTensor {
  const value = values.get(name)!;
  if (into && (String(into.dims) !== String(value.shape) || into.data.length !== sizeOf(into.dims))) {
    throw new LichenError(
      'engine-run',
      `output '${name}' is of shape [${value.shape}]; the tensor to write it to is of [${into.dims}]`,
    );
  }
  const data = value.tensor.dataSync();
  if (!into) return { dims: value.shape, data: Float32Array.from(data) };
  into.data.set(data);
  return into;
}
