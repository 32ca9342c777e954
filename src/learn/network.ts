import { decodeLatent, type LatentShape } from '../backbone/latent.js';
import type { CompileOptions, Engine, Program } from '../engine/engine.js';
import { type Deployed, FEATURES, PROBABILITIES, SUMMARY } from './deploy.js';

/** Rows of equal length in one array. */
export interface Rows {
  data: Float32Array;
  count: number;
  width: number;
}

/** A deployed network, compiled: from encoded latents to features, summaries or probabilities. */
export class TaskNetwork {
  /** Widths of the summary's blocks. */
  readonly blocks: readonly number[];
  private readonly program: Program;
  private readonly latentName: string;
  private readonly latentShape: readonly number[];
  private readonly codec: LatentShape;

  private constructor(program: Program, deployed: Deployed, codec: LatentShape) {
    const input = deployed.model.graph.inputs[0]!;
    this.program = program;
    this.blocks = deployed.blocks;
    this.latentName = input.name;
    this.latentShape = (input.dims ?? []).slice(1) as number[];
    this.codec = codec;
  }

  /** Compiles a network that `deployModel` made. It holds native memory: close it. */
  static async open(
    engine: Engine,
    deployed: Deployed,
    codec: LatentShape,
    options: CompileOptions = {},
  ): Promise<TaskNetwork> {
    return new TaskNetwork(await engine.compile(deployed.model, options), deployed, codec);
  }

  /** Features and summaries of every latent; for a network without a head. */
  async describe(latents: readonly Uint8Array[], batch = 16): Promise<{ features: Rows; summary: Rows }> {
    const { [FEATURES]: features, [SUMMARY]: summary } = await this.collect(
      [FEATURES, SUMMARY],
      latents,
      batch,
    );
    return { features: features!, summary: summary! };
  }

  /** Class probabilities of every latent, [count, classes]; for a network with a head. */
  async probabilities(latents: readonly Uint8Array[], batch = 32): Promise<Rows> {
    return (await this.collect([PROBABILITIES], latents, batch))[PROBABILITIES]!;
  }

  close(): Promise<void> {
    return this.program.close();
  }

  private async collect(
    outputs: readonly string[],
    latents: readonly Uint8Array[],
    batch: number,
  ): Promise<Record<string, Rows>> {
    const size = this.codec.channels * this.codec.positions;
    const decoded = new Float32Array(Math.min(batch, latents.length) * size);
    const all: Record<string, Rows> = {};
    for (const output of outputs)
      all[output] = { data: new Float32Array(0), count: latents.length, width: 0 };
    for (let from = 0; from < latents.length; from += batch) {
      const part = latents.slice(from, from + batch);
      const data = decoded.subarray(0, part.length * size);
      part.forEach((l, i) => {
        decodeLatent(l, this.codec, data, i * size);
      });
      const results = await this.program.run({
        [this.latentName]: { dims: [part.length, ...this.latentShape], data },
      });
      for (const output of outputs) {
        const rows = results[output]!;
        const into = all[output]!;
        if (from === 0) {
          into.width = rows.dims[1]!;
          into.data = new Float32Array(latents.length * into.width);
        }
        into.data.set(rows.data, from * into.width);
      }
    }
    return all;
  }
}
