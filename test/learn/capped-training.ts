import { Backbone } from '../../src/backbone/backbone.js';
import { encodeLatent } from '../../src/backbone/latent.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { messageOf } from '../../src/errors.js';
import { instantCandidate, trainedCandidate } from '../../src/learn/candidate.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { planTraining } from '../../src/learn/memory-plan.js';
import { isolationNamed, regularizationNamed, rehearsalNamed } from '../../src/learn/methods.js';
import { sizeOf } from '../../src/onnx/model.js';
import { residentBytes } from '../../src/process-memory.js';
import { Random } from '../../src/random.js';

/** A child process of memory-plan.test.ts: trains the default crown on made-up latents under a cap, by a method. */
const [cap, isolation = 'piggyback'] = [Number(process.argv[2]), process.argv[3]];
const engine = new OrtEngine();
const backbone = await Backbone.open(defaultManifest(), engine);
const random = new Random(1);
const size = sizeOf(backbone.latentShape);
const samples = Array.from({ length: 128 }, (_, i) => ({
  latent: encodeLatent(
    Float32Array.from({ length: size }, () => random.normal()),
    backbone.latentCodec,
  ),
  label: i % 4,
  heldOut: i % 5 === 0,
  fresh: true,
}));
const data = { backbone, classes: ['a', 'b', 'c', 'd'], samples };
const strategies = {
  isolation: isolationNamed(isolation),
  regularization: regularizationNamed('none'),
  rehearsal: rehearsalNamed('er'),
};
const options = { ...LEARNER_DEFAULTS, batch: 64, epochs: 1 };
try {
  const { pieces } = await planTraining(engine, strategies, data, [], options, cap);
  const settings = { ...options, pieces, arena: true, lean: true };
  await instantCandidate(engine, data, settings);
  await trainedCandidate(engine, strategies, data, [], settings);
  console.log(JSON.stringify({ pieces, peak: residentBytes('VmHWM') }));
} catch (error) {
  console.log(JSON.stringify({ refused: messageOf(error) }));
}
