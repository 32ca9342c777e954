import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { type Adapter, half } from '../../src/learn/adapter.js';
import { deployModel } from '../../src/learn/deploy.js';
import { digestOf, probes } from '../../src/learn/digest.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { Random } from '../../src/random.js';
import { CODEC, smallCrown } from './small-crown.js';

const engine = new OrtEngine();
const context = { crown: smallCrown(), earlier: [] };
const piggyback = new Piggyback();

/** An adapter with random bits; the same for the same seed. */
function adapter(): Adapter {
  const random = new Random(8);
  const values = new Map(
    piggyback
      .network(context, 1)
      .parameters.map((p) => [p.name, p.initial.map((v) => v * (0.2 + 1.5 * random.next()))]),
  );
  const { blocks } = deployModel(piggyback, context, { tensors: piggyback.freeze(context, values) });
  const features = blocks.reduce((a, b) => a + b, 0);
  const weight = half(
    Float32Array.from({ length: 3 * features }, () => 0.05 * random.normal()),
    [3, features],
  ).data;
  return {
    isolation: 'piggyback',
    tensors: piggyback.freeze(context, values),
    head: {
      kind: 'discriminant',
      classes: ['a', 'b', 'c'],
      weight,
      bias: Float32Array.of(0, 0.1, -0.1),
      features,
    },
  };
}

const digest = (a: Adapter) => digestOf(engine, deployModel(piggyback, context, a), CODEC);

describe('a digest', () => {
  it('is the same for the same adapter, every time', async () => {
    const first = await digest(adapter());
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    for (let i = 0; i < 3; i++) expect(await digest(adapter())).toBe(first);
  });

  it.each<[string, (a: Adapter) => Float32Array, number, (v: number) => number]>([
    ['one bit of a mask', ({ tensors }) => tensors.get('project.mask')!.data, 100, (v) => 1 - v],
    ["a scale's last bit", ({ tensors }) => tensors.get('project.scale')!.data, 7, (v) => v * (1 + 2 ** -10)],
    ["a channel's bias", ({ tensors }) => tensors.get('expand.bias')!.data, 3, (v) => v + 2 ** -8],
    ["a weight's last bits in the head", ({ head }) => head.weight, 5, (v) => v + 2 ** -14],
    ['a bias of the head', ({ head }) => head.bias, 2, (v) => v + 2 ** -16],
  ])('changes with %s', async (_, values, at, change) => {
    const changed = adapter();
    const data = values(changed);
    data[at] = change(data[at]!);
    expect(await digest(changed)).not.toBe(await digest(adapter()));
  });
});

describe('the probes', () => {
  it('are the same everywhere, differ from each other, and are latents', () => {
    const made = probes(CODEC);
    expect(made).toEqual(probes(CODEC));
    expect(made).toHaveLength(8);
    expect(new Set(made.map((p) => Buffer.from(p).toString('hex'))).size).toBe(8);
    expect(made.every((p) => p.length === 16 * 18)).toBe(true);
    expect(probes({ channels: 2, positions: 3 })[0]).toHaveLength(2 * 5);
  });
});
