import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeLatent } from '../../src/backbone/latent.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { deployModel } from '../../src/learn/deploy.js';
import { Frozen } from '../../src/learn/isolation/frozen.js';
import { Pnn } from '../../src/learn/isolation/pnn.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { mapsOf } from '../../src/learn/summary.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';
import { CODEC, patternSamples, smallCrown } from './small-crown.js';

describe('what a discriminant reads', () => {
  const engine = new OrtEngine();
  const crown = smallCrown();
  const { latents } = patternSamples(3, 3, 5);
  let network: TaskNetwork;
  beforeAll(async () => {
    const context = { crown, earlier: [] };
    network = await TaskNetwork.open(
      engine,
      deployModel(new Frozen(), context, { tensors: new Map() }),
      CODEC,
    );
  });
  afterAll(() => network.close());

  it('begins with mean, deviation and maximum of each latent channel', async () => {
    const { summary } = await network.describe(latents);
    expect(network.blocks.slice(0, 3)).toEqual([16, 16, 16]);
    latents.forEach((encoded, i) => {
      const values = decodeLatent(encoded, CODEC);
      const row = summary.data.subarray(i * summary.width, (i + 1) * summary.width);
      for (let c = 0; c < CODEC.channels; c++) {
        const channel = [...values.subarray(c * 16, (c + 1) * 16)];
        const mean = channel.reduce((a, b) => a + b) / 16;
        const deviation = Math.sqrt(channel.reduce((a, v) => a + (v - mean) ** 2, 0) / 16);
        expect(row[c]).toBeCloseTo(mean, 4);
        expect(row[16 + c]).toBeCloseTo(deviation, 4);
        expect(row[32 + c]).toBeCloseTo(Math.max(...channel), 4);
      }
    });
  });

  it('goes on with the deviations of what the last two dense convolutions read, not the latent again', () => {
    expect(mapsOf(crown)).toEqual(['depthwise.relu6', 'sum']);
    expect(network.blocks.slice(3)).toEqual([32, 16]);
  });

  it('of a column, reads its features besides', () => {
    const context = { crown, earlier: [] };
    const pnn = new Pnn();
    const values = new Map(pnn.network(context, 1, new Random(0)).parameters.map((p) => [p.name, p.initial]));
    const { blocks } = deployModel(pnn, context, { tensors: pnn.freeze(context, values) });
    expect(blocks).toEqual([16, 16, 16, 32, 16, 16]);
  });

  it('of a network without positions, is the root of the features', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 4]);
    const w = b.constant(floats(Float32Array.of(1, 0, 0, 0, 0, -1, 0, 0), [2, 4]), 'w');
    b.op('Gemm', [x, w], { transB: int(1) }, 'features');
    b.output('features');
    const mlp = { graph: b.graph(), latent: 'x', latentShape: [4], features: 'features' };
    const codec = { channels: 1, positions: 4, encoding: 'float32' as const };
    const deployed = deployModel(new Frozen(), { crown: mlp, earlier: [] }, { tensors: new Map() });
    const flat = await TaskNetwork.open(engine, deployed, codec);
    const latent = new Uint8Array(Float32Array.of(4, 9, 0, 0).buffer);
    const { summary } = await flat.describe([latent]);
    await flat.close();
    expect([...summary.data]).toEqual([2, -3]);
  });
});
