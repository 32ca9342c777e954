import { describe, expect, test } from 'vitest';
import { convNet, mobileNetTop } from '../../../bench/speed/networks.js';
import { hashed, layerWeight, uniform } from '../../../bench/speed/values.js';
import { WORKS, workNamed } from '../../../bench/speed/work.js';
import { decodeLatent } from '../../../src/backbone/latent.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { sizeOf } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';

const engine = new OrtEngine();

describe('numbers that both sides draw', () => {
  test('are those that numpy draws', () => {
    // peer.hashes(10, 4) of bench/speed/peer.py.
    expect([...hashed(10, 4)]).toEqual([888966967, 500502597, 2220140984, 3195399946]);
  });

  test('fill their range evenly', () => {
    const values = uniform(3, 20_000, 2);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...values)).toBeLessThan(2);
    expect(values.filter((v) => v < -1).length / values.length).toBeCloseTo(0.25, 1);
  });

  test('weights are bounded by what one output reads', () => {
    const weight = layerWeight(1, [8, 4, 3, 3]);
    expect(weight).toHaveLength(8 * 4 * 9);
    expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(Math.sqrt(6 / 36));
  });
});

describe('networks', () => {
  const counts = (crown: ReturnType<typeof convNet>) =>
    new FineTuning(1e-3)
      .network({ crown, earlier: [] }, 2)
      .parameters.reduce((n, p) => n + sizeOf(p.dims), 0);

  test('have the weights that they should have', () => {
    const convs = [
      [3, 32],
      [32, 64],
      [64, 128],
      [128, 128],
    ] as const;
    expect(counts(convNet())).toBe(convs.reduce((n, [i, o]) => n + 9 * i * o + o, 0));
    const block = (i: number, o: number) => 6 * i * i + 6 * i + 6 * i + 6 * i * o + o;
    const expected = block(160, 160) + block(160, 160) + block(160, 320) + 320 * 1280 + 1280;
    expect(counts(mobileNetTop())).toBe(expected);
  });

  test('what is trained and what is deployed compute the same before training', async () => {
    for (const crown of [convNet(), mobileNetTop()]) {
      const isolation = new FineTuning(1e-3);
      const context = { crown, earlier: [] };
      const { builder, parameters, features } = isolation.network(context, 2);
      builder.output(features);
      const latent = { dims: [2, ...crown.latentShape], data: uniform(5, 2 * sizeOf(crown.latentShape), 1) };
      const training = await engine.compile(builder.model());
      const own = parameters.map((p) => [p.name, { dims: p.dims, data: p.initial }] as const);
      const a = await training.run({ ...Object.fromEntries(own), [crown.latent]: latent });
      await training.close();

      const values = new Map(parameters.map((p) => [p.name, p.initial]));
      const b = new GraphBuilder();
      const input = b.input(crown.latent, latent.dims);
      const outputs = isolation.deploy(context, isolation.freeze(context, values), b, input);
      b.output(outputs.features);
      const deployed = await engine.compile(b.model());
      const c = await deployed.run({ [input]: latent });
      await deployed.close();
      const [x, y] = [a[features]!.data, c[outputs.features]!.data];
      expect(x.length).toBe(y.length);
      expect(Math.max(...x.map((v, i) => Math.abs(v - y[i]!)))).toBeLessThan(1e-4);
    }
  });
});

describe('works', () => {
  test.each(WORKS)('%s: one batch of latents that decode to what was drawn', async (name) => {
    const work = await workNamed(engine, name, 3);
    expect(work.latents).toHaveLength(3);
    const decoded = decodeLatent(work.latents[1]!, work.codec);
    expect(decoded).toHaveLength(sizeOf(work.crown.latentShape));
    const drawn = hashed(1, 2 * decoded.length).subarray(decoded.length);
    const last = decoded.length - 1;
    const expected = name === 'step' ? ((drawn[last]! % 255) - 127) / 64 : drawn[last]! / 2 ** 31 - 1;
    expect(decoded[last]).toBeCloseTo(expected, 6);
    const { features, builder } = work.isolation.network(
      { crown: work.crown, earlier: [] },
      3,
      new Random(0),
    );
    expect(builder.shape(features)[0]).toBe(3);
  });
});
