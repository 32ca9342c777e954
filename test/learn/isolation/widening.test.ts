import { describe, expect, it } from 'vitest';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { growableLayers, widened } from '../../../src/learn/isolation/widening.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { BUILD_IR_VERSION, BUILD_OPSET } from '../../../src/onnx/builder.js';
import { sizeOf } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import { smallCrown } from '../small-crown.js';

const engine = new OrtEngine();

async function featuresOf({ graph, latent, latentShape, features }: Crown): Promise<Float32Array> {
  const random = new Random(4);
  const data = Float32Array.from({ length: sizeOf(latentShape) }, () => random.normal());
  const model = { graph, opset: BUILD_OPSET, irVersion: BUILD_IR_VERSION, metadata: {} };
  const program = await engine.compile(model, { threads: 1 });
  const found = await program.run({ [latent]: { dims: [1, ...latentShape], data } });
  await program.close();
  return found[features]!.data;
}

describe('a wider network', () => {
  it.each([
    ['an MLP', mlp(30, [12, 8], 1), { dense0: 12, dense1: 8 }],
    ['a network of convolutions', convNet(12, 1), { conv0: 16, conv1: 32, dense: 128 }],
    ['depthwise layers and a skip connection', smallCrown(), { expand: 32, head: 48 }],
  ])('computes what it did before, and its new channels are silent: %s', async (_, crown, layers) => {
    expect(Object.fromEntries(growableLayers(crown))).toEqual(layers);
    const widths = new Map(Object.entries(layers).map(([key, channels]) => [key, channels + 5]));
    const [narrow, wide] = [await featuresOf(crown), await featuresOf(widened(crown, widths))];
    expect(wide.length).toBe(narrow.length + 5);
    narrow.forEach((value, i) => {
      expect(wide[i]).toBeCloseTo(value, 5);
    });
    expect([...wide.slice(narrow.length)]).toEqual([0, 0, 0, 0, 0]);
  });

  it('is the network itself where nothing grows', () => {
    const crown = smallCrown();
    expect(widened(crown, new Map()).graph.nodes).toEqual(crown.graph.nodes);
  });
});
