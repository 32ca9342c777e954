import type { ParameterStep } from '../autodiff/optimizer.js';
import { allOf, firstOf, lastOf, repeatSteps, STEPS_INPUT } from '../autodiff/repeat.js';
import type { CompileOptions, Engine, FloatTensor, Program } from '../engine/engine.js';
import { type Model, sizeOf } from '../onnx/model.js';
import type { Parameter } from './strategy.js';

/** One training step as a graph, and what of it is what. */
export interface StepGraph {
  /** Its outputs: the updates of all parameters, and what a caller wants to see of every step. */
  model: Model;
  parameters: readonly Parameter[];
  /** For every parameter, in the same order: what it updates. */
  steps: readonly ParameterStep[];
  /** Inputs that are others at every step: samples, targets, rates. */
  each: readonly string[];
}

type Tensors = Record<string, FloatTensor>;

/**
 * A compiled step with the parameters and the optimizer's state that it updates. Many steps are one run where the
 * engine has loops: they go on inside the runtime, and the state is handed out and in once a run, not once a step.
 * The state is kept twice: a run reads one copy and writes the other in place.
 */
export class Steps {
  private current: Tensors = {};
  private next: Tensors = {};
  private readonly program: Program;
  private readonly graph: StepGraph;
  private readonly looped: boolean;
  /** Input -> output of everything that is updated. */
  private readonly carried: ReadonlyMap<string, string>;

  private constructor(program: Program, graph: StepGraph, looped: boolean) {
    this.program = program;
    this.graph = graph;
    this.looped = looped;
    this.carried = updatesOf(graph);
    graph.parameters.forEach((p, i) => {
      for (const input of graph.steps[i]!.updates.keys()) {
        const zeros = () => ({ dims: p.dims, data: new Float32Array(sizeOf(p.dims)) });
        this.current[input] = input === p.name ? { dims: p.dims, data: p.initial.slice() } : zeros();
        this.next[input] = zeros();
      }
    });
  }

  /** Compiles the steps. They hold native memory: close them. */
  static async compile(engine: Engine, graph: StepGraph, options: CompileOptions): Promise<Steps> {
    const model = engine.loops ? repeatSteps(graph.model, updatesOf(graph), graph.each) : graph.model;
    return new Steps(await engine.compile(model, options), graph, engine.loops);
  }

  /**
   * Takes as many steps as the inputs of `each` have entries in their first dimension.
   * @param each the inputs that differ from step to step, [steps, ...]
   * @param constant the inputs that are the same in all of them
   * @returns the graph's other outputs, [steps, ...]
   */
  async run(each: Tensors, constant: Tensors = {}): Promise<Tensors> {
    const count = Object.values(each)[0]?.dims[0] ?? 0;
    if (count === 0) return {};
    return this.looped ? this.inRuntime(each, constant, count) : this.oneByOne(each, constant, count);
  }

  /** The parameters as they are now. A later run writes over them. */
  values(): Map<string, Float32Array> {
    return new Map(this.graph.parameters.map((p) => [p.name, this.current[p.name]!.data]));
  }

  close(): Promise<void> {
    return this.program.close();
  }

  private async inRuntime(each: Tensors, constant: Tensors, count: number): Promise<Tensors> {
    const feeds: Tensors = { ...constant, [STEPS_INPUT]: { dims: [1], data: Float32Array.of(count) } };
    for (const name of this.graph.each) feeds[allOf(name)] = each[name]!;
    const into: Tensors = {};
    for (const input of this.carried.keys()) {
      feeds[firstOf(input)] = this.current[input]!;
      into[lastOf(input)] = this.next[input]!;
    }
    const results = await this.program.run(feeds, into);
    this.swap();
    return Object.fromEntries(this.seen().map((name) => [name, results[allOf(name)]!]));
  }

  private async oneByOne(each: Tensors, constant: Tensors, count: number): Promise<Tensors> {
    const all: Tensors = {};
    for (let step = 0; step < count; step++) {
      const feeds: Tensors = { ...constant, ...this.current };
      for (const name of this.graph.each) feeds[name] = entryOf(each[name]!, step);
      const into = Object.fromEntries(
        [...this.carried].map(([input, output]) => [output, this.next[input]!]),
      );
      const results = await this.program.run(feeds, into);
      this.swap();
      for (const name of this.seen()) {
        const { dims, data } = results[name]!;
        all[name] ??= { dims: [count, ...dims], data: new Float32Array(count * data.length) };
        all[name].data.set(data, step * data.length);
      }
    }
    return all;
  }

  private swap(): void {
    [this.current, this.next] = [this.next, this.current];
  }

  /** Outputs that are no updates. */
  private seen(): string[] {
    const updates = new Set(this.carried.values());
    return this.graph.model.graph.outputs.map((o) => o.name).filter((name) => !updates.has(name));
  }
}

function updatesOf({ steps }: StepGraph): Map<string, string> {
  return new Map(steps.flatMap((s) => [...s.updates]));
}

/** Entry `at` of a tensor's first dimension. */
function entryOf({ dims, data }: FloatTensor, at: number): FloatTensor {
  const inner = dims.slice(1);
  const size = sizeOf(inner);
  return { dims: inner, data: data.subarray(at * size, (at + 1) * size) };
}
