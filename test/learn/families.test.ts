import { describe, expect, it } from 'vitest';
import { encodeLatent } from '../../src/backbone/latent.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { LichenError } from '../../src/errors.js';
import { deployModel } from '../../src/learn/deploy.js';
import { Frozen } from '../../src/learn/isolation/frozen.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { Pnn } from '../../src/learn/isolation/pnn.js';
import { train } from '../../src/learn/learner.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import { ExperienceReplay } from '../../src/learn/rehearsal/er.js';
import type { Isolation } from '../../src/learn/strategy.js';
import { cutPoints } from '../../src/onnx/cut.js';
import { sizeOf } from '../../src/onnx/model.js';
import { readModel } from '../../src/onnx/read.js';
import { Random } from '../../src/random.js';
import { FAMILIES, familyBackbone, fixtureFile, gradientFixture } from '../fixtures/families.js';

const engine = new OrtEngine();
const CLASSES = 3;
/** Families through which columns grow. */
const COLUMNS = new Set(['resnet', 'mobilenet-v2', 'mobilenet-v3', 'efficientnet-b0', 'efficientnet-lite']);

/** Latents of classes: the fixture's first ones, which real pictures' trunk gave, each under noise. */
async function familyOf(name: string) {
  const backbone = await familyBackbone(name, engine);
  const { latent } = gradientFixture(name);
  const size = sizeOf(backbone.latentShape);
  const random = new Random(5);
  const labels = Array.from({ length: 24 }, (_, i) => i % CLASSES);
  const latents = labels.map((c) => {
    const values = latent.data.subarray(c * size, (c + 1) * size).map((v) => v + 0.3 * random.normal());
    return encodeLatent(values, backbone.latentCodec);
  });
  const context = { crown: backbone.crown, earlier: [] };
  const set = { latents, labels, classes: CLASSES, fresh: labels.map((_, i) => i) };
  const learn = (isolation: Isolation) => {
    const rest = { regularization: new NoRegularization(), rehearsal: new ExperienceReplay() };
    const options = { ...LEARNER_DEFAULTS, epochs: 25, batch: 8, labelSmoothing: 0, headRate: 2e-2 };
    return train(engine, { isolation, ...rest }, context, backbone.latentCodec, set, options);
  };
  const features = async (isolation: Isolation, values: ReadonlyMap<string, Float32Array>) => {
    const model = deployModel(isolation, context, { tensors: isolation.freeze(context, values) });
    const network = await TaskNetwork.open(engine, model, backbone.latentCodec);
    const described = await network.describe(latents);
    await network.close();
    return described;
  };
  return { backbone, context, learn, features };
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((s, v) => s + v * v, 0));

describe.each(FAMILIES)('a backbone of %s', (name) => {
  it('is cut where its manifest says, and has latents of the shape that it says', async () => {
    const { backbone } = await familyOf(name);
    const whole = readModel(fixtureFile(backbone.manifest.file));
    expect(cutPoints(whole.graph)).toContain(backbone.manifest.split);
    const { width, height } = backbone.manifest.input;
    const trunk = await engine.compile(backbone.trunkModel);
    const picture = { dims: [2, 3, height, width], data: new Float32Array(2 * 3 * height * width).fill(0.5) };
    const latent = (await trunk.run({ image: picture }))[backbone.id.split]!;
    await trunk.close();
    expect(latent.dims).toEqual([2, ...backbone.latentShape]);
  });

  it('starts a mask as the frozen crown', async () => {
    const { context, features } = await familyOf(name);
    const { parameters } = new Piggyback().network(context, 1);
    const start = new Map(parameters.map((p) => [p.name, p.initial.slice()]));
    const masked = await features(new Piggyback(), start);
    const frozen = await features(new Frozen(), new Map());
    const apart = masked.features.data.map((v, i) => v - frozen.features.data[i]!);
    // Biases are kept in half precision.
    expect(norm(apart)).toBeLessThan(2e-3 * norm(frozen.features.data));
    expect(masked.summary.data.every(Number.isFinite)).toBe(true);
  });

  it('learns a mask: the loss falls, every mask moves, and the deployed network has other features', async () => {
    const { context, learn, features } = await familyOf(name);
    // Narrow networks with random weights take more harm from many masks that change at once.
    const trained = await learn(new Piggyback({ maskRate: 3e-4 }));
    expect(trained.losses.at(-1)).toBeLessThan(trained.losses[0]! * 0.7);
    for (const p of new Piggyback().network(context, 1).parameters) {
      const moved = trained.values.get(p.name)!.map((v, i) => v - p.initial[i]!);
      expect(norm(moved), p.name).toBeGreaterThan(0);
    }
    const adapted = await features(new Piggyback(), trained.values);
    const frozen = await features(new Frozen(), new Map());
    expect(norm(adapted.features.data.map((v, i) => v - frozen.features.data[i]!))).toBeGreaterThan(0);
  });

  it('learns a column, or says what in it cannot be grown', async () => {
    const { learn } = await familyOf(name);
    const outcome = await learn(new Pnn()).catch((error: unknown) => error);
    if (!COLUMNS.has(name)) {
      expect(outcome).toBeInstanceOf(LichenError);
      expect(outcome).toMatchObject({ code: 'pnn-unsupported' });
    } else if (outcome instanceof Error) throw outcome;
    else {
      const { losses } = outcome as Awaited<ReturnType<typeof train>>;
      expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.7);
    }
  });
});
