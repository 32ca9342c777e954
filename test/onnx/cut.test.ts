import { beforeAll, describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { cutModel, cutPoints } from '../../src/onnx/cut.js';
import { type Model, sizeOf } from '../../src/onnx/model.js';
import { readModel } from '../../src/onnx/read.js';
import { Random } from '../../src/random.js';

const FILE = 'models/efficientnet-lite0.onnx';
const engine = new OrtEngine();
let model: Model;
beforeAll(() => {
  model = readModel(FILE);
});

async function evaluate(m: Model, input: Float32Array, dims: number[]): Promise<Float32Array> {
  const program = await engine.compile(m, { threads: 1 });
  const out = await program.run({ [m.graph.inputs[0]!.name]: { dims, data: input } });
  await program.close();
  return Object.values(out)[0]!.data;
}

describe('cutting', () => {
  it('lists the tensors where the network falls in two', () => {
    const points = cutPoints(model.graph);
    expect(points).toContain('block14.add');
    expect(points).toContain('stem.relu6');
    // Inside a block with a skip connection two tensors are alive.
    expect(points).not.toContain('block14.expand');
    // The end of the network leaves no crown.
    expect(points).not.toContain('features');
  });

  it.each(['stem.relu6', 'block5.project', 'block14.add', 'head.relu6'])(
    'at %s: crown after trunk is the whole network',
    async (split) => {
      const random = new Random(3);
      const image = Float32Array.from({ length: sizeOf([1, 3, 224, 224]) }, () => random.normal());
      const whole = await evaluate(model, image, [1, 3, 224, 224]);
      const { trunk } = cutModel(model, split);
      const program = await engine.compile(trunk, { threads: 1 });
      const latent = Object.values(await program.run({ image: { dims: [1, 3, 224, 224], data: image } }))[0]!;
      await program.close();
      const { crown } = cutModel(model, split, latent.dims.slice(1));
      const parts = await evaluate(crown, latent.data, [...latent.dims]);
      const worst = parts.reduce((m, v, i) => Math.max(m, Math.abs(v - whole[i]!)), 0);
      expect(worst).toBeLessThan(1e-5);
    },
  );

  it('takes only the constants of its own side', () => {
    const { trunk, crown } = cutModel(model, 'block14.add', [192, 7, 7]);
    const shared = [...crown.graph.initializers.keys()].filter((k) => trunk.graph.initializers.has(k));
    expect(shared).toEqual(['zero', 'six']);
    expect(trunk.graph.nodes.length + crown.graph.nodes.length).toBe(model.graph.nodes.length);
  });

  it('says where a cut is possible when it is not', () => {
    expect(() => cutModel(model, 'block14.expand')).toThrow(
      /a skip connection passes 'block14.expand' by.*Possible: .*block14.add/,
    );
    expect(() => cutModel(model, 'nothing')).toThrow(/has no tensor 'nothing'.*Possible: stem/);
  });
});
