import type { Backbone } from '../backbone/backbone.js';
import type { CompileOptions, Engine } from '../engine/engine.js';
import { TaskNetwork } from '../learn/network.js';
import { RowProducts } from '../learn/streaming/row-products.js';
import { bareModel } from './task-model.js';

/** Pictures come one by one, with time between them: spinning threads would take three times the processor's time. */
export const RARELY = { spin: false } as const;

/**
 * What the frozen crown says of latents. One network serves all that ask: instant answers, the choice of a task, novelty,
 * corrections. What was said of a latent is kept for as long as the latent is.
 */
export class FrozenFeatures {
  /** Widths of the summary's blocks. */
  readonly blocks: readonly number[];
  /** What compares summaries with others. */
  readonly products: RowProducts;
  private readonly network: TaskNetwork;
  private readonly known = new WeakMap<Uint8Array, Float32Array>();

  private constructor(network: TaskNetwork, products: RowProducts) {
    this.network = network;
    this.products = products;
    this.blocks = network.blocks;
  }

  /** Compiles the crown. It holds native memory: close it. */
  static async open(
    engine: Engine,
    backbone: Backbone,
    options: CompileOptions = RARELY,
  ): Promise<FrozenFeatures> {
    const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec, options);
    try {
      return new FrozenFeatures(network, await RowProducts.open(engine));
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** The summary of each latent, [width]; not to be changed. */
  async of(latents: readonly Uint8Array[]): Promise<Float32Array[]> {
    const missing = [...new Set(latents)].filter((latent) => !this.known.has(latent));
    if (missing.length > 0) {
      const { data, width } = (await this.network.describe(missing)).summary;
      // Copies: a row of a shared array would keep all of them.
      missing.forEach((latent, i) => {
        this.known.set(latent, data.slice(i * width, (i + 1) * width));
      });
    }
    return latents.map((latent) => this.known.get(latent)!);
  }

  async close(): Promise<void> {
    await this.network.close();
    await this.products.close();
  }
}
