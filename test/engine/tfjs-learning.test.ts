import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Engine } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { train } from '../../src/learn/learner.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import { ExperienceReplay } from '../../src/learn/rehearsal/er.js';
import { sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';
import { smallBackbone } from '../learn/small-backbone.js';
import { CODEC, patternSamples, smallCrown } from '../learn/small-crown.js';
import { scratchFolder } from '../store/scratch.js';
import { testedBackends } from './tfjs-backends.js';

const ort = new OrtEngine();
const scratch = scratchFolder();

/** The latents of made-up pictures. */
async function latentsOf(backbone: Backbone, engine: Engine, count: number): Promise<Float32Array> {
  const program = await engine.compile(backbone.trunkModel);
  const { name, dims } = backbone.trunkModel.graph.inputs[0]!;
  const shape = [count, ...dims!.slice(1).map(Number)];
  const random = new Random(1);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
  try {
    const results = await program.run({ [name]: { dims: shape, data } });
    return results[program.outputs[0]!]!.data;
  } finally {
    await program.close();
  }
}

/** Largest difference, relative to the largest value. */
function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  const most = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0) / most;
}

describe.each(testedBackends())('learning with the engine tfjs $title', ({ title, engine }) => {
  console.log(`The engine tfjs is tested ${title}.`);

  it.skipIf(!engine)('a mask trained over steps and epochs is that of ONNX Runtime', async () => {
    const samples = patternSamples(16, 3, 1);
    const set = { ...samples, classes: 3, fresh: samples.labels.map((_, i) => i) };
    const options = { ...LEARNER_DEFAULTS, epochs: 3, batch: 8 };
    const learn = (e: Engine) =>
      train(
        e,
        {
          isolation: new Piggyback(),
          regularization: new NoRegularization(),
          rehearsal: new ExperienceReplay(),
        },
        { crown: smallCrown(), earlier: [] },
        CODEC,
        set,
        options,
      );
    const [expected, found] = [await learn(ort), await learn(engine!)];
    expect(found.losses.length).toBe(3);
    found.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(expected.losses[i]!, 3);
    });
    expect(found.losses[2]).toBeLessThan(found.losses[0]!);
    expect(difference(found.headWeight, expected.headWeight)).toBeLessThan(1e-2);
  });

  it.skipIf(!engine)("a backbone's trunk gives the latents of ONNX Runtime", async () => {
    const backbone = await smallBackbone(scratch.path('small'), ort);
    const expected = await latentsOf(backbone, ort, 3);
    expect(difference(await latentsOf(backbone, engine!, 3), expected)).toBeLessThan(1e-5);
  });

  it.skipIf(engine?.backend !== 'tensorflow')("so does the bundled backbone's, natively", async () => {
    const backbone = await Backbone.open(defaultManifest(), engine!);
    const expected = await latentsOf(backbone, ort, 2);
    expect(difference(await latentsOf(backbone, engine!, 2), expected)).toBeLessThan(1e-4);
  });
});
