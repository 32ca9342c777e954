import { decodeLatent, type LatentShape } from '../backbone/latent.js';
import type { Engine, Program } from '../engine/engine.js';
import type { Model } from '../onnx/model.js';
import { FEATURES, PROBABILITIES } from './deploy.js';

/** Rows of equal length in one array. */
export interface Rows {
  data: Float32Array;
  count: number;
  width: number;
}

/** A deployed network, compiled: from encoded latents to features and probabilities. */
export class FeatureExtractor {
  private readonly program: Program;
  private readonly latentName: string;
  private readonly latentShape: readonly number[];
  private readonly codec: LatentShape;

  private constructor(program: Program, latentName: string, latentShape: readonly number[], codec: LatentShape) {
    this.program = program;
    this.latentName = latentName;
    this.latentShape = latentShape;
    this.codec = codec;
  }

  /** @param network as `deployModel` makes it */
  static async open(
    engine: Engine,
    network: Model,
    codec: LatentShape,
    options: { threads?: number; arena?: boolean } = {},
  ): Promise<FeatureExtractor> {
    const input = network.graph.inputs[0]!;
    const program = await engine.compile(network, options);
    return new FeatureExtractor(program, input.name, input.dims.slice(1) as number[], codec);
  }

  /** Features of every latent, [count, features]. */
  features(latents: readonly Uint8Array[], batch = 32): Promise<Rows> {
    return this.collect(FEATURES, latents, batch);
  }

  /** Class probabilities of every latent, [count, classes]; the network must have a head. */
  probabilities(latents: readonly Uint8Array[], batch = 32): Promise<Rows> {
    return this.collect(PROBABILITIES, latents, batch);
  }

  close(): Promise<void> {
    return this.program.close();
  }

  private async collect(output: string, latents: readonly Uint8Array[], batch: number): Promise<Rows> {
    const size = this.codec.channels * this.codec.positions;
    let all = new Float32Array(0);
    let width = 0;
    for (let from = 0; from < latents.length; from += batch) {
      const part = latents.slice(from, from + batch);
      const data = new Float32Array(part.length * size);
      part.forEach((l, i) => {
        decodeLatent(l, this.codec, data, i * size);
      });
      const out = await this.program.run({ [this.latentName]: { dims: [part.length, ...this.latentShape], data } });
      const rows = out[output]!;
      if (from === 0) {
        width = rows.dims[1]!;
        all = new Float32Array(latents.length * width);
      }
      all.set(rows.data, from * width);
    }
    return { data: all, count: latents.length, width };
  }
}
