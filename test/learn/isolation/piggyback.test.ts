import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../../src/engine/ort.js';
import { type AdapterTensors, decodeAdapter, encodeAdapter } from '../../../src/learn/adapter.js';
import { deployModel } from '../../../src/learn/deploy.js';
import { Frozen } from '../../../src/learn/isolation/frozen.js';
import { leftOut, Piggyback } from '../../../src/learn/isolation/piggyback.js';
import { train } from '../../../src/learn/learner.js';
import { LEARNER_DEFAULTS } from '../../../src/learn/learner-options.js';
import { TaskNetwork } from '../../../src/learn/network.js';
import { NoRegularization } from '../../../src/learn/regularization/none.js';
import { NoRehearsal } from '../../../src/learn/rehearsal/none.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { Random } from '../../../src/random.js';
import { CODEC, patternSamples, smallCrown } from '../small-crown.js';

const engine = new OrtEngine();
const context = { crown: smallCrown(), earlier: [] };
const { latents } = patternSamples(8, 2, 3);
const piggyback = new Piggyback();

async function features(isolation: Piggyback | Frozen, tensors = isolation.freeze(context, new Map())) {
  const network = await TaskNetwork.open(engine, deployModel(isolation, context, { tensors }), CODEC);
  const { features } = await network.describe(latents);
  await network.close();
  return features.data;
}

/** What the crown's last layer says of one latent at its first position, before its activation. */
async function raw(isolation: Piggyback, tensors: AdapterTensors): Promise<Float32Array> {
  const b = new GraphBuilder();
  const { crown } = context;
  const nodes = crown.graph.nodes.slice(0, crown.graph.nodes.findIndex((n) => n.name === 'head') + 1);
  const cut = { ...crown, features: 'head', graph: { ...crown.graph, nodes } };
  b.input('latent', [1, 16, 4, 4]);
  const { features: name } = isolation.deploy({ crown: cut, earlier: [] }, tensors, b, 'latent');
  b.output(name);
  const program = await engine.compile(b.model(), { threads: 1 });
  const data = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i));
  const { data: maps } = (await program.run({ latent: { dims: [1, 16, 4, 4], data } }))[name]!;
  await program.close();
  return maps.filter((_, i) => i % 16 === 0);
}

function initialValues(): Map<string, Float32Array> {
  const { parameters } = piggyback.network(context, 1);
  return new Map(parameters.map((p) => [p.name, p.initial.slice()]));
}

describe('Piggyback', () => {
  it('has a mask a dense weight, and a scale and a bias a channel; depthwise layers have nothing', () => {
    const shapes = Object.fromEntries(piggyback.network(context, 4).parameters.map((p) => [p.name, p.dims]));
    expect(shapes).toEqual({
      'expand.mask': [32, 16],
      'expand.scale': [32],
      'expand.bias': [32],
      'project.mask': [16, 32],
      'project.scale': [16],
      'project.bias': [16],
      'head.mask': [48, 16],
      'head.scale': [48],
      'head.bias': [48],
    });
  });

  it('starts as the frozen crown: every mask above its threshold, scale 1, the crown’s own bias', async () => {
    const start = await features(piggyback, piggyback.freeze(context, initialValues()));
    const frozen = await features(new Frozen());
    start.forEach((v, i) => {
      // Biases are kept in half precision.
      expect(Math.abs(v - frozen[i]!)).toBeLessThan(5e-3);
    });
  });

  it('keeps a bit a weight: above the threshold used, at or below it not', () => {
    const values = initialValues();
    values.get('project.mask')!.set([5e-3, 5.0001e-3, -1, 4.9e-3]);
    const bits = piggyback.freeze(context, values).get('project.mask')!;
    expect([...bits.data.slice(0, 5)]).toEqual([0, 1, 0, 0, 1]);
  });

  it('multiplies the mask in: a masked channel stays silent', async () => {
    const values = initialValues();
    values.get('head.mask')!.fill(0, 0, 16);
    values.get('head.bias')!.fill(0, 0, 1);
    const rows = await features(piggyback, piggyback.freeze(context, values));
    for (let i = 0; i < latents.length; i++) expect(rows[i * 48]).toBe(0);
    expect(rows.some((v) => v > 0)).toBe(true);
  });

  it('tells for every layer what share of its weights the mask leaves out', () => {
    const values = initialValues();
    values.get('project.mask')!.fill(0, 0, 128);
    const shares = leftOut(piggyback.freeze(context, values));
    expect([...shares]).toEqual([
      ['expand', 0],
      ['project', 0.25],
      ['head', 0],
    ]);
    expect(piggyback.figures(context, piggyback.freeze(context, values)).get('project')).toEqual({
      leftOut: 0.25,
    });
  });

  it('turns signs with ternary masks: -1 at or below the negative threshold, 0 between, 1 above', async () => {
    const ternary = new Piggyback({ ternary: true });
    const values = initialValues();
    // One filter of the head is turned, another is left out; their biases are 0.
    values.get('head.mask')!.fill(-5e-3, 0, 16).fill(0, 16, 32);
    values.get('head.bias')!.fill(0, 0, 2);
    const tensors = ternary.freeze(context, values);
    expect([...tensors.get('head.mask')!.data.slice(0, 33)]).toEqual([
      ...Array(16).fill(1),
      ...Array(16).fill(0),
      1,
    ]);
    expect([...tensors.get('head.negative')!.data.slice(0, 33)]).toEqual([
      ...Array(16).fill(1),
      ...Array(17).fill(0),
    ]);
    const plain = initialValues();
    plain.get('head.bias')!.fill(0, 0, 2);
    const [turned, straight] = [
      await raw(ternary, tensors),
      await raw(piggyback, piggyback.freeze(context, plain)),
    ];
    expect(turned).toHaveLength(48);
    expect(turned[0]).toBeCloseTo(-straight[0]!, 4);
    expect(turned[1]).toBe(0);
  });

  it('passes a gradient through ternary thresholds: a mask that should turn a weight does', async () => {
    const set = patternSamples(64, 2, 3);
    const trained = await train(
      engine,
      {
        isolation: new Piggyback({ ternary: true, maskRate: 3e-3 }),
        regularization: new NoRegularization(),
        rehearsal: new NoRehearsal(),
      },
      context,
      CODEC,
      { ...set, classes: 2, fresh: set.labels.map((_, i) => i) },
      { ...LEARNER_DEFAULTS, epochs: 6 },
    );
    const tensors = new Piggyback({ ternary: true }).freeze(context, trained.values);
    expect(tensors.get('head.negative')!.data.some((bit) => bit === 1)).toBe(true);
    expect(tensors.get('head.mask')!.data.some((bit) => bit === 0)).toBe(true);
    expect(trained.losses.at(-1)!).toBeLessThan(trained.losses[0]!);
  });

  it('trains masks alone where scales and biases are not wanted', async () => {
    const masks = new Piggyback({ channels: false });
    const { parameters } = masks.network(context, 1);
    expect(parameters.map((p) => p.name)).toEqual(['expand.mask', 'project.mask', 'head.mask']);
    const tensors = masks.freeze(context, new Map(parameters.map((p) => [p.name, p.initial])));
    expect([...tensors.keys()]).toEqual(['expand.mask', 'project.mask', 'head.mask']);
    expect(await features(masks, tensors)).toEqual(await features(new Frozen()));
  });

  it('survives encoding bit by bit, at about a bit a weight', async () => {
    const values = initialValues();
    const random = new Random(4);
    for (const [name, v] of values)
      for (let i = 0; i < v.length; i++)
        v[i] = name.endsWith('.mask') ? random.next() * 0.01 : random.normal();
    const tensors = piggyback.freeze(context, values);
    const head = {
      kind: 'discriminant' as const,
      classes: ['x', 'y'],
      weight: new Float32Array(2 * 80),
      bias: Float32Array.of(1, 2),
      features: 80,
    };
    const bytes = encodeAdapter({ isolation: 'piggyback', tensors, head });
    const back = decodeAdapter(bytes);
    expect(back.head).toEqual(head);
    expect([...back.tensors]).toEqual([...tensors]);
    expect(await features(piggyback, back.tensors)).toEqual(await features(piggyback, tensors));
    const weights = 32 * 16 + 16 * 32 + 48 * 16;
    expect(bytes.length).toBeLessThan(weights / 8 + 2 * 2 * (32 + 32 + 16 + 48) + 2 * 2 * 80 + 1200);
  });
});

describe('an adapter’s bytes', () => {
  const tensors = piggyback.freeze(context, initialValues());
  const head = {
    kind: 'softmax' as const,
    classes: ['x'],
    weight: new Float32Array(48),
    bias: new Float32Array(1),
    features: 48,
  };
  const bytes = encodeAdapter({ isolation: 'piggyback', tensors, head });

  it.each([
    ['nothing', new Uint8Array()],
    ['something else', new TextEncoder().encode('not an adapter, but long enough')],
    ['a truncated one', bytes.subarray(0, bytes.length - 40)],
    ['a header cut short', bytes.subarray(0, 30)],
  ])('are refused when they are %s', (_, wrong) => {
    expect(() => decodeAdapter(wrong)).toThrow(/the adapter cannot be decoded/);
  });
});
