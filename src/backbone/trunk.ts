import type { Engine, Program } from '../engine/engine.js';
import { sizeOf } from '../onnx/model.js';
import type { Backbone } from './backbone.js';
import { encodeLatent, type LatentShape } from './latent.js';
import type { PictureInput } from './manifest.js';

/** The compiled frozen part below the split: from pictures to encoded latents. */
export class Trunk {
  private readonly program: Program;
  private readonly input: PictureInput;
  private readonly codec: LatentShape;

  private constructor(program: Program, input: PictureInput, codec: LatentShape) {
    this.program = program;
    this.input = input;
    this.codec = codec;
  }

  static async open(
    backbone: Backbone,
    engine: Engine,
    options: { threads?: number; arena?: boolean },
  ): Promise<Trunk> {
    const program = await engine.compile(backbone.trunkModel, options);
    return new Trunk(program, backbone.manifest.input, backbone.latentCodec);
  }

  /**
   * The raw latents of prepared pictures.
   * @param pictures `count` pictures, [count, 3, height, width], as `readPicture` gives them
   */
  async floatLatents(pictures: Float32Array, count: number): Promise<Float32Array> {
    const dims = [count, 3, this.input.height, this.input.width];
    const data = pictures.subarray(0, sizeOf(dims));
    const out = await this.program.run({ [this.input.name]: { dims, data } });
    return Object.values(out)[0]!.data;
  }

  /** The encoded latents of prepared pictures; see `floatLatents`. */
  async latents(pictures: Float32Array, count: number): Promise<Uint8Array[]> {
    const data = await this.floatLatents(pictures, count);
    const size = data.length / count;
    return Array.from({ length: count }, (_, i) =>
      encodeLatent(data.subarray(i * size, (i + 1) * size), this.codec),
    );
  }

  close(): Promise<void> {
    return this.program.close();
  }
}
