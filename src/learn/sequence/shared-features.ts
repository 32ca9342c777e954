import { lower } from '../../autodiff/lower.js';
import type { FloatTensor, Program } from '../../engine/engine.js';
import { sizeOf } from '../../onnx/model.js';
import type { Rows } from '../network.js';
import type { Parameter } from '../strategy.js';
import type { Sample } from './batches.js';
import { arranged, HEAD } from './headed.js';
import type { SharedState } from './shared-state.js';

/** Rows of a run. */
const ROWS = 128;

/** What the head of a shared network reads of samples. It holds native memory: close it. */
export class SharedFeatures {
  private readonly program: Program;
  private readonly latent: string;
  private readonly shape: readonly number[];
  private readonly parameters: readonly Parameter[];
  private readonly still: Record<string, FloatTensor>;

  private constructor(
    program: Program,
    { crown }: SharedState,
    parameters: readonly Parameter[],
    still: Record<string, FloatTensor>,
  ) {
    this.program = program;
    this.latent = crown.latent;
    this.shape = crown.latentShape;
    this.parameters = parameters;
    this.still = still;
  }

  static async open(state: SharedState): Promise<SharedFeatures> {
    const { engine, isolation, crown, options, random } = state;
    const features = crown.graph.nodes.find((n) => n.name === HEAD)!.inputs[0]!;
    // The head itself is left out: nothing needs it, and its parameters would have no use.
    const graph = { ...crown.graph, nodes: crown.graph.nodes.filter((n) => n.name !== HEAD) };
    const network = isolation.network({ crown: { ...crown, graph, features }, earlier: [] }, ROWS, random);
    const { parameters, noise = new Map<string, readonly number[]>() } = network;
    const still = Object.fromEntries(
      [...noise].map(([name, dims]) => [name, { dims, data: new Float32Array(sizeOf(dims)) }]),
    );
    const b = arranged(network);
    b.output(network.features);
    const program = await engine.compile(lower(b.model('lichen-features')), { threads: options.threads });
    return new SharedFeatures(program, state, parameters, still);
  }

  /** Features of samples, [samples, width]; noise is left out. */
  async of(samples: readonly Sample[], values: ReadonlyMap<string, Float32Array>): Promise<Rows> {
    const size = sizeOf(this.shape);
    const x = { dims: [ROWS, ...this.shape], data: new Float32Array(ROWS * size) };
    const feeds: Record<string, FloatTensor> = { ...this.still, [this.latent]: x };
    for (const { name, dims } of this.parameters) feeds[name] = { dims, data: values.get(name)! };
    const all: Rows = { data: new Float32Array(0), count: samples.length, width: 0 };
    for (let from = 0; from < samples.length; from += ROWS) {
      const part = samples.slice(from, from + ROWS);
      part.forEach((s, row) => {
        s.samples.read(s.index, x.data, row * size);
      });
      const found = (await this.program.run(feeds))[this.program.outputs[0]!]!;
      if (from === 0) {
        all.width = found.dims[1]!;
        all.data = new Float32Array(samples.length * all.width);
      }
      all.data.set(found.data.subarray(0, part.length * all.width), from * all.width);
    }
    return all;
  }

  close(): Promise<void> {
    return this.program.close();
  }
}
