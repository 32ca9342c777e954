import type { CompileOptions, Engine, Program } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { sizeOf } from '../onnx/model.js';
import type { Backbone } from './backbone.js';
import { encodeLatent, type LatentShape } from './latent.js';
import type { PictureInput } from './manifest.js';

/** The compiled frozen part below the split: from pictures to encoded latents. */
export class Trunk {
  private readonly program: Program;
  private readonly input: PictureInput;
  private readonly codec: LatentShape;
  private readonly latentShape: readonly number[];

  private constructor(program: Program, backbone: Backbone) {
    this.program = program;
    this.input = backbone.manifest.input;
    this.codec = backbone.latentCodec;
    this.latentShape = backbone.latentShape;
  }

  static async open(backbone: Backbone, engine: Engine, options: CompileOptions): Promise<Trunk> {
    const program = await engine.compile(backbone.trunkModel, options);
    return new Trunk(program, backbone);
  }

  /**
   * The raw latents of prepared pictures.
   * @param pictures `count` pictures, [count, 3, height, width], as `readPicture` gives them
   * @throws LichenError `backbone-invalid` where the manifest's latent shape is not the network's
   */
  async floatLatents(pictures: Float32Array, count: number): Promise<Float32Array> {
    const dims = [count, 3, this.input.height, this.input.width];
    const data = pictures.subarray(0, sizeOf(dims));
    const out = await this.program.run({ [this.input.name]: { dims, data } });
    const latents = Object.values(out)[0]!;
    if (String(latents.dims) !== String([count, ...this.latentShape])) {
      throw new LichenError(
        'backbone-invalid',
        `the manifest has the latentShape [${this.latentShape}], but the network's latents have [${latents.dims.slice(1)}]; ` +
          'correct it, or leave it out',
      );
    }
    return latents.data;
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
