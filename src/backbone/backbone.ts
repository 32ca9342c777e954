import type { CompileOptions, Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { cutModel, subModel } from '../onnx/cut.js';
import { withFloatBoundary } from '../onnx/float-boundary.js';
import { freeBatch } from '../onnx/free-batch.js';
import { type Model, sizeOf } from '../onnx/model.js';
import { normalize } from '../onnx/normalize.js';
import { decodeModel } from '../onnx/read.js';
import { scalarScales } from '../onnx/scalar-scales.js';
import { type LatentEncoding, type LatentShape, latentLayout } from './latent.js';
import { type BackboneManifest, type LoadedManifest, loadManifest } from './manifest.js';
import { Trunk } from './trunk.js';

/** What identifies a backbone: adapters and packs fit only the one that they were made for. */
export interface BackboneId {
  name: string;
  sha256: string;
  split: string;
}

/** A frozen network, cut into trunk and crown. */
export class Backbone {
  readonly manifest: BackboneManifest;
  readonly id: BackboneId;
  /** Bytes of the model's file and its external data. */
  readonly bytes: number;
  /** Crown in normalized form, in float32, from the latent to the features. */
  readonly crownModel: Model;
  /** Shape of one latent, without the batch. */
  readonly latentShape: readonly number[];
  readonly latentEncoding: LatentEncoding;

  private readonly file: string;

  private constructor(
    file: string,
    fields: Pick<Backbone, 'manifest' | 'id' | 'bytes' | 'crownModel' | 'latentShape' | 'latentEncoding'>,
  ) {
    this.file = file;
    this.manifest = fields.manifest;
    this.id = fields.id;
    this.bytes = fields.bytes;
    this.crownModel = fields.crownModel;
    this.latentShape = fields.latentShape;
    this.latentEncoding = fields.latentEncoding;
  }

  /**
   * Loads a backbone by its manifest and cuts it.
   * @param split another tensor to cut at than the manifest's
   * @throws LichenError as `loadManifest`, `decodeModel` and `cutModel` do
   */
  static async open(
    manifestFile: string,
    engine: Engine,
    split?: string,
    latentEncoding: LatentEncoding = 'int8',
  ): Promise<Backbone> {
    const { loaded, whole } = readWhole(manifestFile);
    const { manifest } = loaded;
    const at = split ?? manifest.split;
    const { trunk, crown } = cutModel(whole, at);
    const known = at === manifest.split ? manifest.latentShape : undefined;
    const latentShape = known ?? (await outputShape(engine, runnable(trunk), manifest));
    const inputs = crown.graph.inputs.map((i) => ({ ...i, dims: ['N', ...latentShape] }));
    const crownModel = normalize({ ...crown, graph: { ...crown.graph, inputs } });
    // Copied out of the file's bytes now, so that these can go.
    for (const constant of crownModel.graph.initializers.values()) constant.data;
    const fields = {
      manifest,
      id: { name: manifest.name, sha256: loaded.sha256, split: at },
      bytes: loaded.bytes,
      crownModel,
      latentShape,
      latentEncoding,
    };
    return new Backbone(manifestFile, fields);
  }

  /**
   * From float pictures to float latents; in between as in the file, whatever types it computes in. Read from the
   * file whenever it is asked for: a process that trains needs the crown alone, and a trunk is compiled once.
   * @throws LichenError as `loadManifest` does, where the file was changed meanwhile
   */
  get trunkModel(): Model {
    return runnable(cutModel(readWhole(this.file).whole, this.id.split).trunk);
  }

  /** What isolation strategies start from. */
  get crown(): { graph: Model['graph']; latent: string; latentShape: readonly number[]; features: string } {
    return {
      graph: this.crownModel.graph,
      latent: this.id.split,
      latentShape: this.latentShape,
      features: this.manifest.features,
    };
  }

  /** How latents of this backbone are encoded. */
  get latentCodec(): LatentShape {
    return latentLayout(this.latentShape, this.latentEncoding);
  }

  /** Compiles the trunk. It holds native memory: close it. */
  openTrunk(engine: Engine, options: CompileOptions = {}): Promise<Trunk> {
    return Trunk.open(this, engine, options);
  }
}

/** Reads a manifest and its network: all that leads from the picture to the features. */
function readWhole(manifestFile: string): { loaded: LoadedManifest; whole: Model } {
  const loaded = loadManifest(manifestFile);
  const { manifest, modelFile } = loaded;
  const model = decodeModel(loaded.model, modelFile, loaded.external);
  const features = model.graph.outputs.filter((o) => o.name === manifest.features);
  if (features.length === 0) {
    const names = model.graph.outputs.map((o) => o.name).join(', ');
    throw new LichenError(
      'backbone-invalid',
      `${manifestFile} names the features '${manifest.features}', but ${modelFile} has the outputs ${names}`,
    );
  }
  const inputs = model.graph.inputs.map((i) => i.name);
  if (inputs.length !== 1 || inputs[0] !== manifest.input.name) {
    throw new LichenError(
      'backbone-invalid',
      `${manifestFile} names the input '${manifest.input.name}', but ${modelFile} has the inputs ${inputs.join(', ') || 'none'}`,
    );
  }
  return { loaded, whole: subModel(model, model.graph.inputs, features) };
}

const runnable = (trunk: Model): Model => withFloatBoundary(freeBatch(scalarScales(trunk)));

/** Runs the trunk once on an empty picture: the one way to learn its output's shape that holds for any network. */
async function outputShape(engine: Engine, trunk: Model, manifest: BackboneManifest): Promise<number[]> {
  const program = await engine.compile(trunk, { arena: false });
  try {
    const { width, height, name } = manifest.input;
    const dims = [1, 3, height, width];
    const out = await program.run({ [name]: { dims, data: new Float32Array(sizeOf(dims)) } });
    return [...Object.values(out)[0]!.dims].slice(1);
  } finally {
    await program.close();
  }
}
