import { readdirSync, readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest, loadManifest } from '../../src/backbone/manifest.js';
import { readPicture } from '../../src/backbone/picture.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { Random } from '../../src/random.js';
import { scratchFolder } from '../store/scratch.js';
import { tinyModel, writeTiny } from './tiny-backbone.js';

const engine = new OrtEngine();
const scratch = scratchFolder();

/** The features of an untouched ONNX file, by onnxruntime and nothing else. */
async function reference(file: string, image: Float32Array, dims: number[]): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file);
  const { features } = await session.run({ image: new ort.Tensor('float32', image, dims) });
  await session.release();
  return features!.data as Float32Array;
}

/** The features by trunk, then crown. */
async function inTwo(backbone: Backbone, image: Float32Array, count: number): Promise<Float32Array> {
  const trunk = await backbone.openTrunk(engine);
  const latents = await trunk.floatLatents(image, count);
  await trunk.close();
  expect(latents.length).toBe(count * backbone.latentShape.reduce((a, b) => a * b, 1));
  const crown = await engine.compile(backbone.crownModel);
  const { latent, latentShape, features } = backbone.crown;
  const out = await crown.run({ [latent]: { dims: [count, ...latentShape], data: latents } });
  await crown.close();
  return out[features]!.data;
}

function worst(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0);
}

describe('the default backbone', () => {
  it('in two parts is the whole network, for real pictures', async () => {
    const backbone = await Backbone.open(defaultManifest(), engine);
    const files = ['tops/coat', 'tops/dress', 'shoes-and-bags/bag'].map(
      (c) => `models/demo-pictures/test/${c}`,
    );
    const { input } = backbone.manifest;
    const size = 3 * input.width * input.height;
    const images = new Float32Array(files.length * size);
    for (const [i, folder] of files.entries()) {
      await readPicture(`${folder}/${readdirSync(folder).sort()[0]}`, input, images, i * size);
    }
    const whole = await reference(loadManifest(defaultManifest()).modelFile, images, [
      files.length,
      3,
      224,
      224,
    ]);
    expect(whole.length).toBe(files.length * 1280);
    expect(Math.max(...whole)).toBeGreaterThan(0.5);
    expect(worst(await inTwo(backbone, images, files.length), whole)).toBeLessThan(1e-4);
  });

  it('says what identifies it', async () => {
    const backbone = await Backbone.open(defaultManifest(), engine);
    const { manifest, modelFile } = loadManifest(defaultManifest());
    expect(backbone.id).toEqual({
      name: 'efficientnet-lite0',
      sha256: manifest.sha256,
      split: 'block14.add',
    });
    expect(backbone.bytes).toBe(readFileSync(modelFile).length);
    expect(backbone.latentShape).toEqual([192, 7, 7]);
    expect(backbone.latentCodec).toEqual({ channels: 192, positions: 49, encoding: 'int8' });
  });

  it('cut elsewhere, finds the shape of its latents', async () => {
    const backbone = await Backbone.open(defaultManifest(), engine, 'head.relu6');
    expect(backbone.latentShape).toEqual([1280, 7, 7]);
    expect(backbone.id.split).toBe('head.relu6');
  });

  it.each([
    [
      'block14.expand',
      /a skip connection passes 'block14\.expand' by.*Possible: .*stem\.relu6.*block14\.add/,
    ],
    ['blok14.add', /the network has no tensor 'blok14\.add'\. Possible: .*block14\.add/],
    ['features', /Possible: /],
  ])('cannot be cut at %s, and says where it can', async (split, message) => {
    await expect(Backbone.open(defaultManifest(), engine, split)).rejects.toMatchObject({
      code: 'cut-impossible',
      message: expect.stringMatching(message),
    });
  });
});

describe('any other backbone', () => {
  it.each(['stem', 'stem.relu', 'sum', 'head', 'pool'])(
    'cut at %s, in two parts is the whole network',
    async (split) => {
      const file = writeTiny(scratch.path());
      const backbone = await Backbone.open(file, engine, split);
      const random = new Random(2);
      const images = Float32Array.from({ length: 2 * 192 }, () => random.normal());
      const whole = await reference(scratch.path('tiny.onnx'), images, [2, 3, 8, 8]);
      expect(worst(await inTwo(backbone, images, 2), whole)).toBeLessThan(1e-5);
    },
  );

  it('whose latent is a vector has one channel in its codec', async () => {
    const model = tinyModel();
    model.graph.nodes.push({
      op: 'Relu',
      domain: '',
      name: 'last',
      inputs: ['features'],
      outputs: ['last'],
      attributes: {},
    });
    model.graph.outputs = [{ name: 'last', type: 1, dims: ['N', 6] }];
    const file = writeTiny(scratch.path(), { features: 'last', split: 'features' }, model);
    const backbone = await Backbone.open(file, engine);
    expect(backbone.latentShape).toEqual([6]);
    expect(backbone.latentCodec).toEqual({ channels: 1, positions: 6, encoding: 'int8' });
  });

  it.each([
    [
      'features that it has not',
      { features: 'logits' },
      'backbone-invalid',
      /names the features 'logits', but .*tiny\.onnx has the outputs features/,
    ],
    [
      'a split that it has not',
      { split: 'nowhere' },
      'cut-impossible',
      /Possible: stem, stem\.relu, sum, head, pool/,
    ],
    [
      'an input that it has not',
      { input: { name: 'picture', width: 8, height: 8, layout: 'NCHW', colour: 'RGB', mean: 0, std: 1 } },
      'backbone-invalid',
      /names the input 'picture', but .*tiny\.onnx has the inputs image/,
    ],
    [
      'a latent shape that is not its own',
      { latentShape: [4, 2, 2] },
      'backbone-invalid',
      /latentShape.*\[4,2,2\].*\[4,4,4\]/,
    ],
  ])('is refused when its manifest says %s', async (_, changes, code, message) => {
    const file = writeTiny(scratch.path(), changes);
    const opening = Backbone.open(file, engine).then(async (b) => {
      const trunk = await b.openTrunk(engine);
      await trunk.latents(new Float32Array(192), 1).finally(() => trunk.close());
    });
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
