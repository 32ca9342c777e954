import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../../src/engine/ort.js';
import { decodeAdapter, encodeAdapter } from '../../../src/learn/adapter.js';
import { deployModel } from '../../../src/learn/deploy.js';
import { Frozen } from '../../../src/learn/isolation/frozen.js';
import { Piggyback } from '../../../src/learn/isolation/piggyback.js';
import { TaskNetwork } from '../../../src/learn/network.js';
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
