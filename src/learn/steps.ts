import { inPlaceUpdates } from '../autodiff/in-place.js';
import type { ParameterStep } from '../autodiff/optimizer.js';
import { allOf, firstOf, lastOf, type Picked, repeatSteps, STEPS_INPUT } from '../autodiff/repeat.js';
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
  /** Inputs whose rows every step takes out of a table. `run` is handed the rows with `each`, the tables as constants. */
  picked?: readonly Picked[];
}

type Tensors = Record<string, FloatTensor>;

/** How steps are compiled. */
export interface StepsOptions extends CompileOptions {
  /**
   * Never many in one run: slower, and with less memory, for a loop has two copies of what is updated inside the
   * runtime beside the one that is handed in and out.
   */
  oneByOne?: boolean;
  /** Steps of another graph that train the same parameters: these go on where those are, and those where these are. */
  along?: Steps;
}

/**
 * A compiled step with the parameters and the optimizer's state that it updates. Many steps are one run where the
 * engine has loops: they go on inside the runtime, and the state is handed out and in once a run, not once a step.
 */
export class Steps {
  /** Whether many steps are one run. */
  readonly looped: boolean;
  /** What is trained now, and what a step writes: the same memory, where all that reads it is done by then. */
  private readonly state: { current: Tensors; next: Tensors };
  private readonly program: Program;
  private readonly parameters: readonly string[];
  /** With the rows that are picked. */
  private readonly each: readonly string[];
  private readonly picked: readonly Picked[];
  /** Input -> output of everything that is updated. */
  private readonly carried: ReadonlyMap<string, string>;
  /** Outputs that are no updates. */
  private readonly seen: readonly string[];

  private constructor(program: Program, graph: StepGraph, looped: boolean, along?: Steps) {
    this.program = program;
    this.state = along?.state ?? { current: {}, next: {} };
    this.looped = looped;
    this.carried = updatesOf(graph);
    this.parameters = graph.parameters.map((p) => p.name);
    this.picked = graph.picked ?? [];
    this.each = [...graph.each, ...new Set(this.picked.map((p) => p.rows))];
    const updates = new Set(this.carried.values());
    this.seen = graph.model.graph.outputs.map((o) => o.name).filter((name) => !updates.has(name));
    // A loop hands its results out after the last step.
    const inPlace = looped ? undefined : inPlaceUpdates(graph.model.graph, this.carried);
    graph.parameters.forEach((p, i) => {
      for (const input of graph.steps[i]!.updates.keys()) {
        const { current, next } = this.state;
        const zeros = () => ({ dims: p.dims, data: new Float32Array(sizeOf(p.dims)) });
        current[input] ??= input === p.name ? { dims: p.dims, data: p.initial.slice() } : zeros();
        next[input] ??= current[input];
        const apart = inPlace && !inPlace.has(input);
        if (apart && next[input] === current[input]) next[input] = zeros();
      }
    });
  }

  /** Compiles the steps. They hold native memory: close them. */
  static async compile(engine: Engine, graph: StepGraph, options: StepsOptions): Promise<Steps> {
    const looped = engine.loops && !options.oneByOne;
    const model = looped ? repeatSteps(graph.model, updatesOf(graph), graph.each, graph.picked) : graph.model;
    return new Steps(await engine.compile(model, options), graph, looped, options.along);
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

  /** The parameters as they are now, as inputs. A later run writes over them. */
  tensors(): Tensors {
    return Object.fromEntries(this.parameters.map((name) => [name, this.state.current[name]!]));
  }

  /** The parameters' numbers as they are now. A later run writes over them. */
  values(): Map<string, Float32Array> {
    return new Map(this.parameters.map((name) => [name, this.state.current[name]!.data]));
  }

  /** Forgets what the optimizer has kept of earlier steps. */
  resetOptimizer(): void {
    const parameters = new Set(this.parameters);
    for (const [name, { data }] of Object.entries(this.state.current))
      if (!parameters.has(name)) data.fill(0);
  }

  close(): Promise<void> {
    return this.program.close();
  }

  private async inRuntime(each: Tensors, constant: Tensors, count: number): Promise<Tensors> {
    const feeds: Tensors = { ...constant, [STEPS_INPUT]: { dims: [1], data: Float32Array.of(count) } };
    for (const name of this.each) feeds[allOf(name)] = each[name]!;
    const into: Tensors = {};
    for (const input of this.carried.keys()) {
      feeds[firstOf(input)] = this.state.current[input]!;
      into[lastOf(input)] = this.state.next[input]!;
    }
    const results = await this.program.run(feeds, into);
    return Object.fromEntries(this.seen.map((name) => [name, results[allOf(name)]!]));
  }

  private async oneByOne(each: Tensors, constant: Tensors, count: number): Promise<Tensors> {
    const { state } = this;
    const all: Tensors = {};
    for (let step = 0; step < count; step++) {
      const feeds: Tensors = { ...constant, ...state.current };
      for (const name of this.each) feeds[name] = entryOf(each[name]!, step);
      for (const { input, table, rows } of this.picked) {
        feeds[input] = pick(constant[table]!, feeds[rows]!.data);
        delete feeds[table];
      }
      for (const { rows } of this.picked) delete feeds[rows];
      const into = Object.fromEntries(
        [...this.carried].map(([input, output]) => [output, state.next[input]!]),
      );
      const results = await this.program.run(feeds, into);
      [state.current, state.next] = [state.next, state.current];
      for (const name of this.seen) {
        const { dims, data } = results[name]!;
        all[name] ??= { dims: [count, ...dims], data: new Float32Array(count * data.length) };
        all[name].data.set(data, step * data.length);
      }
    }
    return all;
  }
}

function updatesOf({ steps }: Pick<StepGraph, 'steps'>): Map<string, string> {
  return new Map(steps.flatMap((s) => [...s.updates]));
}

/** Some entries of a tensor's first dimension. */
function pick({ dims, data }: FloatTensor, rows: Float32Array): FloatTensor {
  const width = sizeOf(dims.slice(1));
  const picked = { dims: [rows.length, ...dims.slice(1)], data: new Float32Array(rows.length * width) };
  rows.forEach((row, i) => {
    picked.data.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return picked;
}

/** Entry `at` of a tensor's first dimension. */
export function entryOf({ dims, data }: FloatTensor, at: number): FloatTensor {
  const inner = dims.slice(1);
  const size = sizeOf(inner);
  return { dims: inner, data: data.subarray(at * size, (at + 1) * size) };
}
