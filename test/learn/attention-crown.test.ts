import { describe, expect, it } from 'vitest';
import { decodeLatent } from '../../src/backbone/latent.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { deployModel } from '../../src/learn/deploy.js';
import { answers, logits } from '../../src/learn/head.js';
import { Frozen } from '../../src/learn/isolation/frozen.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { train } from '../../src/learn/learner.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import { ExperienceReplay } from '../../src/learn/rehearsal/er.js';
import { floats, int, int64s, ints, type Model, node, sizeOf } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { Random } from '../../src/random.js';
import { CODEC, patternSamples } from './small-crown.js';

/**
 * A block of a vision transformer over 16 positions of 16 channels, with two heads and a class token, as
 * exporters write it: weights that are transposed in the graph, shapes that are computed from the batch, GELU as
 * one node.
 */
function attentionModel(): Model {
  const random = new Random(5);
  const weight = (...dims: number[]) =>
    floats(
      Float32Array.from({ length: sizeOf(dims) }, () => random.normal() * Math.sqrt(1 / dims.at(-1)!)),
      dims,
    );
  const linear = (x: string, name: string) => [
    node('Transpose', [`${name}.w`], [`${name}.t`], { perm: ints([1, 0]) }),
    node('MatMul', [x, `${name}.t`], [name]),
  ];
  const norm = (x: string, name: string) =>
    node('LayerNormalization', [x, `${name}.w`, `${name}.b`], [name], { axis: int(-1) });
  const ones = floats(new Float32Array(16).fill(1), [16]);
  const zeros = floats(new Float32Array(16), [16]);
  return {
    opset: 20,
    irVersion: 9,
    metadata: {},
    graph: {
      name: 'attention',
      inputs: [{ name: 'latent', type: 1, dims: ['N', 16, 4, 4] }],
      outputs: [{ name: 'features', type: 1 }],
      nodes: [
        node('Shape', ['latent'], ['n'], { start: int(0), end: int(1) }),
        node('Concat', ['n', 'channels', 'rest'], ['flat'], { axis: int(0) }),
        node('Reshape', ['latent', 'flat'], ['columns']),
        node('Transpose', ['columns'], ['patches'], { perm: ints([0, 2, 1]) }),
        node('Concat', ['n', 'one', 'channels'], ['wide'], { axis: int(0) }),
        node('Expand', ['token', 'wide'], ['tokens']),
        node('Concat', ['tokens', 'patches'], ['x'], { axis: int(1) }),
        norm('x', 'norm1'),
        ...linear('norm1', 'qkv'),
        node('Concat', ['n', 'heads'], ['apart'], { axis: int(0) }),
        node('Reshape', ['qkv', 'apart'], ['five']),
        node('Transpose', ['five'], ['turned'], { perm: ints([2, 0, 3, 1, 4]) }),
        node('Split', ['turned'], ['q1', 'k1', 'v1'], { axis: int(0), num_outputs: int(3) }),
        ...['q', 'k', 'v'].map((m) => node('Squeeze', [`${m}1`, 'first'], [m])),
        node('Transpose', ['k'], ['kt'], { perm: ints([0, 1, 3, 2]) }),
        node('MatMul', ['q', 'kt'], ['scores']),
        node('Softmax', ['scores'], ['weights'], { axis: int(-1) }),
        node('MatMul', ['weights', 'v'], ['mixed']),
        node('Transpose', ['mixed'], ['back'], { perm: ints([0, 2, 1, 3]) }),
        node('Shape', ['x'], ['shape']),
        node('Reshape', ['back', 'shape'], ['together']),
        ...linear('together', 'project'),
        node('Add', ['x', 'project'], ['y']),
        norm('y', 'norm2'),
        ...linear('norm2', 'up'),
        node('Gelu', ['up'], ['gelu']),
        ...linear('gelu', 'down'),
        node('Add', ['y', 'down'], ['z']),
        node('Gather', ['z', 'zero'], ['features'], { axis: int(1) }),
      ],
      initializers: new Map(
        Object.entries({
          channels: int64s([16]),
          rest: int64s([-1]),
          one: int64s([1]),
          heads: int64s([17, 3, 2, 8]),
          first: int64s([0]),
          zero: { ...int64s([0]), dims: [] },
          token: weight(1, 1, 16),
          'qkv.w': weight(48, 16),
          'project.w': weight(16, 16),
          'up.w': weight(32, 16),
          'down.w': weight(16, 32),
          'norm1.w': ones,
          'norm1.b': zeros,
          'norm2.w': ones,
          'norm2.b': zeros,
        }),
      ),
    },
  };
}

const engine = new OrtEngine();
const model = attentionModel();
const crown = {
  graph: normalize(model).graph,
  latent: 'latent',
  latentShape: [16, 4, 4],
  features: 'features',
};
const context = { crown, earlier: [] };
const training = patternSamples(150, 5, 1);
const test = patternSamples(100, 5, 2);

describe('a crown of attention', () => {
  it('is deployed for a batch of any size, and computes what the exported network computes', async () => {
    const deployed = deployModel(new Frozen(), context, { tensors: new Map() });
    const network = await TaskNetwork.open(engine, deployed, CODEC);
    const { features } = await network.describe(test.latents, 7);
    await network.close();
    const data = new Float32Array(100 * 256);
    test.latents.forEach((l, i) => {
      decodeLatent(l, CODEC, data, i * 256);
    });
    const program = await engine.compile(model);
    const out = await program.run({ latent: { dims: [100, 16, 4, 4], data } });
    await program.close();
    expect(features.width).toBe(16);
    features.data.forEach((v, i) => {
      expect(v).toBeCloseTo(out.features!.data[i]!, 4);
    });
  });

  it('is trained by masks on all of its linear layers', async () => {
    const isolation = new Piggyback();
    const strategies = {
      isolation,
      regularization: new NoRegularization(),
      rehearsal: new ExperienceReplay(),
    };
    const set = { ...training, classes: 5, fresh: training.labels.map((_, i) => i) };
    const options = { ...LEARNER_DEFAULTS, headRate: 1e-2, epochs: 30 };
    const trained = await train(engine, strategies, context, CODEC, set, options);
    const masks = [...trained.values.keys()].filter((name) => name.endsWith('.mask'));
    expect(masks).toEqual(['qkv.mask', 'project.mask', 'up.mask', 'down.mask']);
    for (const name of masks) expect(new Set(trained.values.get(name)!).size, name).toBeGreaterThan(10);
    expect(trained.losses.at(-1)).toBeLessThan(trained.losses[0]! * 0.8);

    const tensors = isolation.freeze(context, trained.values);
    const network = await TaskNetwork.open(engine, deployModel(isolation, context, { tensors }), CODEC);
    const { features } = await network.describe(test.latents);
    await network.close();
    const head = { kind: 'softmax' as const, classes: ['a', 'b', 'c', 'd', 'e'], features: features.width };
    const given = answers(logits({ ...head, weight: trained.headWeight, bias: trained.headBias }, features));
    const right = given.filter((a, i) => a === test.labels[i]).length / test.labels.length;
    expect(right).toBeGreaterThan(0.5);
  });
});
