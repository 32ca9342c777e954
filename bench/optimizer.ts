import { RATE_INPUT } from '../src/autodiff/optimizer.js';
import { Backbone } from '../src/backbone/backbone.js';
import { defaultManifest } from '../src/backbone/manifest.js';
import type { Engine, FloatTensor, Program } from '../src/engine/engine.js';
import { OrtEngine } from '../src/engine/ort.js';
import { Piggyback } from '../src/learn/isolation/piggyback.js';
import { LEARNER_DEFAULTS } from '../src/learn/learner-options.js';
import { NoRegularization } from '../src/learn/regularization/none.js';
import { trainingGraph } from '../src/learn/training-graph.js';
import { type Model, sizeOf } from '../src/onnx/model.js';
import { Random } from '../src/random.js';
import { median } from './statistics.js';

export interface OptimizerResult {
  batch: number;
  steps: number;
  /** Median milliseconds of a step with Adam in the graph, and with Adam in JavaScript behind it. */
  inGraph: number;
  outside: number;
  /** outside / inGraph. */
  ratio: number;
}

/** Compares a Piggyback step with the optimizer inside the graph and outside of it, alternating. */
export async function measureOptimizer(batch: number, steps: number): Promise<OptimizerResult> {
  const engine = new OrtEngine();
  const backbone = await Backbone.open(defaultManifest(), engine);
  const context = { crown: backbone.crown, earlier: [] };
  const strategies = { isolation: new Piggyback(), regularization: new NoRegularization() };
  const { model, parameters } = trainingGraph(
    strategies,
    context,
    batch,
    10,
    LEARNER_DEFAULTS,
    new Random(0),
  );
  const gradientOf = new Map(parameters.map((p) => [p.name, gradientTensor(model, p.name)]));
  const inside = await InGraph.open(engine, model);
  const outside = await Outside.open(engine, withGradients(model, [...gradientOf.values()]), gradientOf);
  try {
    const times: [number[], number[]] = [[], []];
    for (let k = 0; k < steps + 3; k++) {
      for (const [i, side] of [inside, outside].entries()) {
        const start = performance.now();
        await side.step();
        // The first few runs plan memory.
        if (k >= 3) times[i]!.push(performance.now() - start);
      }
    }
    const [a, b] = times.map(median) as [number, number];
    return { batch, steps, inGraph: a, outside: b, ratio: b / a };
  } finally {
    await inside.close();
    await outside.close();
  }
}

/** Values for every input of a step: small random numbers, zeros for the optimizer's state. */
function feedsOf(model: Model): Record<string, FloatTensor> {
  const random = new Random(1);
  return Object.fromEntries(
    model.graph.inputs.map((i) => {
      const dims = (i.dims ?? []) as number[];
      const state = /\.adam[12]$/.test(i.name);
      const data = Float32Array.from({ length: sizeOf(dims) }, () => (state ? 0 : random.next() - 0.5));
      return [i.name, { dims, data }];
    }),
  );
}

class InGraph {
  private readonly program: Program;
  private readonly feeds: Record<string, FloatTensor>;
  private readonly into: Record<string, FloatTensor>;

  private constructor(program: Program, model: Model) {
    this.program = program;
    this.feeds = feedsOf(model);
    // As the learner does: results go to tensors that are there already.
    this.into = Object.fromEntries(
      model.graph.outputs
        .filter((o) => o.name.endsWith('.next'))
        .map((o) => {
          const { dims } = this.feeds[inputOf(o.name)]!;
          return [o.name, { dims, data: new Float32Array(sizeOf(dims)) }];
        }),
    );
  }

  static async open(engine: Engine, model: Model): Promise<InGraph> {
    return new InGraph(await engine.compile(model), model);
  }

  async step(): Promise<void> {
    await this.program.run(this.feeds, this.into);
    for (const [output, tensor] of Object.entries(this.into)) {
      const input = inputOf(output);
      this.into[output] = this.feeds[input]!;
      this.feeds[input] = tensor;
    }
  }

  close(): Promise<void> {
    return this.program.close();
  }
}

/** The input that an output of the step is fed to in the next one. */
function inputOf(output: string): string {
  return output.slice(0, -'.next'.length);
}

class Outside {
  private readonly program: Program;
  private readonly feeds: Record<string, FloatTensor>;
  private readonly gradientOf: ReadonlyMap<string, string>;
  private readonly state = new Map<string, { m: Float32Array; v: Float32Array }>();

  private constructor(program: Program, model: Model, gradientOf: ReadonlyMap<string, string>) {
    this.program = program;
    this.gradientOf = gradientOf;
    this.feeds = feedsOf(model);
    for (const name of gradientOf.keys()) {
      const { length } = this.feeds[name]!.data;
      this.state.set(name, { m: new Float32Array(length), v: new Float32Array(length) });
    }
  }

  static async open(engine: Engine, model: Model, gradientOf: ReadonlyMap<string, string>): Promise<Outside> {
    return new Outside(await engine.compile(model), model, gradientOf);
  }

  async step(): Promise<void> {
    const results = await this.program.run(this.feeds);
    for (const [name, gradient] of this.gradientOf) {
      const g = results[gradient]!.data;
      const { data } = this.feeds[name]!;
      const { m, v } = this.state.get(name)!;
      for (let i = 0; i < data.length; i++) {
        m[i] = 0.9 * m[i]! + 0.1 * g[i]!;
        v[i] = 0.999 * v[i]! + 0.001 * g[i]! * g[i]!;
        data[i]! -= (3e-4 * m[i]!) / (Math.sqrt(v[i]!) + 1e-8);
      }
    }
  }

  close(): Promise<void> {
    return this.program.close();
  }
}

/** The gradient that the optimizer of a step reads: what the new first moment adds to the old one. */
function gradientTensor(model: Model, parameter: string): string {
  const { nodes } = model.graph;
  const producer = (name: string) => nodes.find((n) => n.outputs.includes(name));
  const next = producer(`${parameter}.adam1.next`)!;
  for (const input of next.inputs) {
    const scaled = producer(input);
    if (scaled?.op === 'Mul' && !scaled.inputs.includes(`${parameter}.adam1`)) {
      return scaled.inputs.find((i) => !model.graph.initializers.has(i))!;
    }
  }
  throw new RangeError(`the step has no gradient of '${parameter}'`);
}

/** The same graph with the gradients as outputs, and without everything that only the optimizer needs. */
function withGradients(model: Model, gradients: readonly string[]): Model {
  const { graph } = model;
  const needed = new Set([...gradients, 'loss']);
  const nodes = graph.nodes
    .toReversed()
    .filter((n) => {
      const used = n.outputs.some((o) => needed.has(o));
      if (used) for (const i of n.inputs) needed.add(i);
      return used;
    })
    .toReversed();
  const outputs = [...gradients, 'loss'].map((name) => ({ name, type: graph.outputs[0]!.type }));
  const inputs = graph.inputs.filter((i) => needed.has(i.name) && i.name !== RATE_INPUT);
  return { ...model, graph: { ...graph, nodes, inputs, outputs } };
}
