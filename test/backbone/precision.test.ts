import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest, loadManifest } from '../../src/backbone/manifest.js';
import { readPicture } from '../../src/backbone/picture.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { cutModel, cutPoints } from '../../src/onnx/cut.js';
import { ElementType, type Model } from '../../src/onnx/model.js';
import { readModel } from '../../src/onnx/read.js';
import { Random } from '../../src/random.js';
import { calibrate, halved, quantized, relativeError } from '../onnx/quantize.js';
import { scratchFolder } from '../store/scratch.js';
import { tinyModel, writeTiny } from './tiny-backbone.js';

const engine = new OrtEngine();
const scratch = scratchFolder();
const DIMS = [2, 3, 8, 8];

/** Latents and features of a backbone, by trunk, then crown. */
async function inTwo(backbone: Backbone, images: Float32Array, count: number) {
  const trunk = await backbone.openTrunk(engine);
  const latents = await trunk.floatLatents(images, count);
  await trunk.close();
  const crown = await engine.compile(backbone.crownModel);
  const { latent, latentShape, features } = backbone.crown;
  const out = await crown.run({ [latent]: { dims: [count, ...latentShape], data: latents } });
  await crown.close();
  return { latents, features: out[features]!.data };
}

const pictures = (count: number) => {
  const random = new Random(2);
  return Float32Array.from({ length: count * 192 }, () => random.normal());
};

const opsOf = (m: Model) => [...new Set(m.graph.nodes.map((n) => n.op))].sort();

describe('a backbone in half precision', () => {
  it('takes and gives float32, computes its trunk in halves and its crown in float32', async () => {
    const whole = await Backbone.open(writeTiny(scratch.path('float')), engine);
    const half = await Backbone.open(writeTiny(scratch.path('half'), {}, halved(tinyModel())), engine);
    const trunk = half.trunkModel.graph;
    expect(trunk.nodes.map((n) => n.op)).toEqual(['Cast', 'Conv', 'Relu', 'Cast']);
    expect([...trunk.initializers.values()].every((t) => t.type === ElementType.float16)).toBe(true);
    const crown = half.crownModel.graph;
    const types = [...crown.inputs, ...crown.outputs, ...crown.initializers.values()].map((v) => v.type);
    expect(new Set(types)).toEqual(new Set([ElementType.float]));
    expect(opsOf(half.crownModel)).toEqual(opsOf(whole.crownModel));

    const images = pictures(2);
    const exact = await inTwo(whole, images, 2);
    const rounded = await inTwo(half, images, 2);
    expect(relativeError(rounded.latents, exact.latents)).toBeLessThan(2e-3);
    expect(relativeError(rounded.latents, exact.latents)).toBeGreaterThan(1e-6);
    expect(relativeError(rounded.features, exact.features)).toBeLessThan(2e-3);
  });

  it('with casts inside, loses them in the crown', async () => {
    const model = halved(tinyModel());
    const { graph } = model;
    const to = (type: number) => ({ to: { kind: 'int' as const, value: type } });
    const cast = { op: 'Cast', domain: '', inputs: ['head'], attributes: to(ElementType.float) };
    graph.nodes.splice(
      5,
      1,
      { ...cast, name: 'up', outputs: ['up'] },
      { ...graph.nodes[5]!, inputs: ['up'] },
    );
    graph.outputs[0]!.type = ElementType.float;
    const backbone = await Backbone.open(writeTiny(scratch.path(), {}, model), engine);
    expect(opsOf(backbone.crownModel)).not.toContain('Cast');
    const { features } = await inTwo(backbone, pictures(1), 1);
    expect(features.every(Number.isFinite)).toBe(true);
  });
});

describe.each(['', 'com.microsoft'])("a backbone in 8 bits, quantized by operators of '%s'", (domain) => {
  let model: Model;
  beforeAll(async () => {
    model = quantized(tinyModel(), await calibrate(tinyModel(), pictures(2), DIMS), domain);
  });

  it('runs its trunk as it is, and its crown in float32, with the limits of the 8 bits', async () => {
    const whole = await Backbone.open(writeTiny(scratch.path('float')), engine);
    const split = 'stem.relu.dq';
    const bytes = await Backbone.open(writeTiny(scratch.path('bytes'), { split }, model), engine);
    expect(bytes.trunkModel.domains).toEqual(domain ? { 'com.microsoft': 1 } : undefined);
    expect(opsOf(bytes.trunkModel)).toEqual(['Conv', 'DequantizeLinear', 'QuantizeLinear']);
    expect(opsOf(bytes.crownModel)).toEqual(['Add', 'Clip', 'Conv', 'Flatten', 'GlobalAveragePool']);
    const images = pictures(2);
    const exact = await inTwo(whole, images, 2);
    const rounded = await inTwo(bytes, images, 2);
    expect(Math.min(...rounded.latents)).toBe(0);
    expect(relativeError(rounded.latents, exact.latents)).toBeLessThan(0.03);
    expect(relativeError(rounded.latents, exact.latents)).toBeGreaterThan(1e-4);
    expect(relativeError(rounded.features, exact.features)).toBeLessThan(0.05);
  });

  it('answers almost as the quantized network does', async () => {
    const images = pictures(2);
    const whole = await engine.compile(model);
    const { features } = await whole.run({ image: { dims: DIMS, data: images } });
    await whole.close();
    const backbone = await Backbone.open(writeTiny(scratch.path(), {}, model), engine);
    expect(relativeError((await inTwo(backbone, images, 2)).features, features!.data)).toBeLessThan(0.03);
  });

  it('is cut where real numbers are, and nowhere else', async () => {
    const points = cutPoints(model.graph);
    expect(points).toContain('stem.relu');
    expect(points).toContain('stem.relu.dq');
    expect(points.some((p) => p.endsWith('.q'))).toBe(false);
    for (const split of points.slice(1)) {
      const backbone = await Backbone.open(writeTiny(scratch.path(split), { split }, model), engine);
      const { features } = await inTwo(backbone, pictures(1), 1);
      expect(features.length).toBe(6);
    }
    expect(() => cutModel(model, 'stem.relu.q')).toThrow(
      /'stem\.relu\.q' holds no real numbers but uint8, .*Possible: .*stem\.relu\.dq/,
    );
  });
});

describe('the default backbone', () => {
  let images: Float32Array;
  beforeAll(async () => {
    const { input } = loadManifest(defaultManifest()).manifest;
    const size = 3 * input.width * input.height;
    const folders = ['tops/coat', 'tops/dress', 'shoes-and-bags/bag', 'shoes-and-bags/sandal'];
    images = new Float32Array(folders.length * size);
    for (const [i, name] of folders.entries()) {
      const folder = `models/demo-pictures/test/${name}`;
      await readPicture(`${folder}/${readdirSync(folder).sort()[0]}`, input, images, i * size);
    }
  });

  it('has nearly the same latents and features in half precision and in 8 bits', async () => {
    const manifest = loadManifest(defaultManifest()).manifest;
    const float = readModel('models/efficientnet-lite0.onnx');
    const write = (name: string, model: Model) =>
      writeTiny(scratch.path(name), { input: manifest.input, split: manifest.split }, model);
    const exact = await inTwo(await Backbone.open(defaultManifest(), engine), images, 4);

    const half = await inTwo(await Backbone.open(write('half', halved(float)), engine), images, 4);
    expect(relativeError(half.latents, exact.latents)).toBeLessThan(0.02);
    expect(relativeError(half.features, exact.features)).toBeLessThan(0.02);

    const model = quantized(float, await calibrate(float, images, [4, 3, 224, 224]));
    const whole = await engine.compile(model);
    const { features } = await whole.run({ image: { dims: [4, 3, 224, 224], data: images } });
    await whole.close();
    const bytes = await inTwo(
      await Backbone.open(write('bytes', model), engine, `${manifest.split}.dq`),
      images,
      4,
    );
    expect(relativeError(bytes.latents, exact.latents)).toBeLessThan(0.3);
    expect(relativeError(features!.data, exact.features)).toBeLessThan(0.3);
    // The rounding of activations, which the crown leaves out, is little of it.
    expect(relativeError(bytes.features, features!.data)).toBeLessThan(0.03);
  });
});
