import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { buildSteps } from '../../src/inspect/calibration.js';
import { cutsOf } from '../../src/inspect/cuts.js';
import { layersOf } from '../../src/inspect/layers.js';
import { openNetwork } from '../../src/inspect/network.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { NOTHING_TO_TRAIN } from '../../src/learn/trainable.js';
import { int, type Model, node } from '../../src/onnx/model.js';
import { chain, weight, written } from './networks.js';

function look(name: string, model: Model) {
  const network = openNetwork(written(name, model));
  const layers = layersOf(network);
  return { layers, cuts: cutsOf(network, layers) };
}

/** For every cut its tensor and why nothing can be trained from it. */
function obstacles(name: string, model: Model): [string, string | null][] {
  const { cuts } = look(name, model);
  const { refused } = buildSteps(cuts, 4);
  return cuts.map((c) => [c.tensor, refused.get(c) ?? null]);
}

describe('cuts of the default backbone', () => {
  const network = openNetwork(defaultManifest());
  const layers = layersOf(network);
  const cuts = cutsOf(network, layers);
  const total = layers.layers.reduce((sum, l) => sum + l.multiplyAdds!, 0);

  it('make two parts that together are the whole', () => {
    expect(cuts.length).toBe(47);
    const weights = layers.layers.reduce((sum, l) => sum + l.weights, 0);
    for (const c of cuts) {
      expect([c.tensor, c.trunk.multiplyAdds! + c.crown.multiplyAdds!]).toEqual([c.tensor, total]);
      expect([c.tensor, c.trunk.weights + c.crown.weights]).toEqual([c.tensor, weights]);
      expect([c.tensor, c.trunk.layers + c.crown.layers]).toEqual([c.tensor, layers.layers.length]);
      // Behind the last layer with weights there is nothing to put a mask on.
      expect([c.tensor, c.obstacle]).toEqual([c.tensor, c.mask.weights > 0 ? null : NOTHING_TO_TRAIN]);
    }
  });

  it('grow smaller crowns from the input to the features', () => {
    for (const key of ['layers', 'weights', 'multiplyAdds'] as const) {
      const values = cuts.map((c) => c.crown[key]!);
      expect(values).toEqual([...values].sort((a, b) => b - a));
    }
  });

  it('have latents of the size that the memory keeps', async () => {
    const backbone = await Backbone.open(defaultManifest(), new OrtEngine());
    const own = cuts.find((c) => c.tensor === backbone.id.split)!;
    expect(own.latent).toEqual({ shape: [...backbone.latentShape], bytes: 9792, floatBytes: 37632 });
    expect(own.start).toMatchObject({ latentShape: backbone.crown.latentShape, features: 'features' });
    expect(own.start!.graph.nodes).toEqual(backbone.crown.graph.nodes);
  });

  it.each(['block0.project', 'block11.project', 'block14.add', 'pool'])(
    'have masks of just what Piggyback keeps: %s',
    (tensor) => {
      const cut = cuts.find((c) => c.tensor === tensor)!;
      const context = { crown: cut.start!, earlier: [] };
      const piggyback = new Piggyback();
      const { parameters } = piggyback.network(context, 1);
      const kept = piggyback.freeze(context, new Map(parameters.map((p) => [p.name, p.initial])));
      let bytes = 0;
      let weights = 0;
      for (const t of kept.values()) {
        bytes += t.type === 'bit' ? Math.ceil(t.data.length / 8) : 2 * t.data.length;
        weights += t.type === 'bit' ? t.data.length : 0;
      }
      expect(cut.mask).toMatchObject({ bytes, weights });
    },
  );
});

describe('cuts', () => {
  it('do not go through a skip connection, nor where the file has no tensor', () => {
    const model = chain((b, x) => {
      b.op('Conv', [x, weight(b, [4, 4, 1, 1])], {}, 'inner');
      const four = () => weight(b, [4]);
      const positive = b.constant({ type: 1, dims: [4], data: new Float32Array(4).fill(2) });
      const sum = b.op('Add', ['inner', x], {}, 'sum');
      // Not folded: no convolution stands before it.
      return b.op('BatchNormalization', [sum, four(), four(), four(), positive], {}, 'normal');
    });
    const { cuts } = look('skip.onnx', model);
    expect(cuts.map((c) => c.tensor)).toEqual(['stem', 'stem.relu', 'deep', 'sum', 'normal', 'head', 'pool']);
  });

  it('have hand-counted figures', () => {
    const { cuts } = look('counted.onnx', chain());
    const at = (tensor: string) => cuts.find((c) => c.tensor === tensor)!;
    expect(at('stem.relu')).toMatchObject({
      after: 1,
      latent: { shape: [4, 4, 4], bytes: 4 * (16 + 2), floatBytes: 4 * 64 },
      trunk: { layers: 2, weights: 112, multiplyAdds: 1728 },
      crown: { layers: 4, weights: 36 + 24, multiplyAdds: 576 + 384 },
      // The depthwise layer is neither masked nor scaled.
      mask: { weights: 24, channels: 6, bytes: 3 + 4 * 6 },
    });
    expect(at('pool')).toMatchObject({ mask: { weights: 0, channels: 0, bytes: 0 }, blocking: [] });
  });

  it('are blocked by an operator without a rule behind their first weights, and by no other', () => {
    const model = chain((b, x) => {
      return b.op('Tan', [b.op('Atan', [x], {}, 'q')], {}, 'dq');
    });
    const { cuts } = look('blocked.onnx', model);
    const blocking = cuts.map((c) => [c.tensor, c.blocking.map((l) => l.node.outputs[0])]);
    expect(blocking).toEqual([
      ['stem', ['q', 'dq']],
      ['stem.relu', ['q', 'dq']],
      // Nothing that is trained lies before the operators: they are in the crown, and in nobody's way.
      ['deep', []],
      ['q', []],
      ['dq', []],
      ['head', []],
      ['pool', []],
    ]);
    const { steps, refused } = buildSteps(cuts, 4);
    expect(steps.map((s) => s.cut.tensor)).toContain('dq');
    expect(refused.get(cuts[0]!)).toBe("no gradient passes Atan 'q', Tan 'dq'");
  });

  it('of which the latent is not known cannot be trained; those behind an odd layer cannot pass it', () => {
    const model = chain();
    const at = model.graph.nodes.findIndex((n) => n.outputs[0] === 'head');
    model.graph.nodes.splice(at, 0, node('Einsum', ['deep'], ['odd']));
    model.graph.nodes[at + 1]!.inputs[0] = 'odd';
    const { cuts } = look('odd.onnx', model);
    expect(cuts.find((c) => c.tensor === 'stem')).toMatchObject({
      crown: { multiplyAdds: null },
      latent: { bytes: 72 },
    });
    expect(cuts.find((c) => c.tensor === 'stem')!.obstacle).toMatch(/no gradient passes Einsum 'odd'/);
    expect(cuts.find((c) => c.tensor === 'head')).toMatchObject({
      latent: null,
      obstacle: "the latent's shape is not known",
      trunk: { multiplyAdds: null },
      crown: { multiplyAdds: null },
    });
  });

  it('need a slice per sample, and features that a head can read', () => {
    const fixed = chain((b, x) => {
      const rows = b.op('Reshape', [x, b.ints(4, 16)], {}, 'rows');
      return b.op('Reshape', [rows, b.ints(1, 4, 4, 4)], {}, 'back');
    });
    const found = new Map(obstacles('fixed.onnx', fixed));
    expect(found.get('rows')).toMatch(/a batch of 2 does not give two latents/);
    // The trunk runs with any batch, but a crown's step of four does not fit the shape that is fixed for one.
    expect(found.get('stem')).toMatch(/Reshape/);
    expect(found.get('head')).toMatch(/a batch of 2 does not give two latents/);

    const maps = chain();
    maps.graph.nodes.pop();
    maps.graph.outputs = [{ name: 'pool', type: 1 }];
    expect(new Map(obstacles('maps.onnx', maps)).get('deep')).toMatch(/'pool' has \[1, 6, 1, 1\].*Flatten/);
  });

  it('are as many as the vectors at the end allow, too', () => {
    const model = chain();
    model.graph.nodes.push(node('Flatten', ['features'], ['again'], { axis: int(1) }));
    model.graph.outputs = [{ name: 'again', type: 1 }];
    const { cuts } = look('vector.onnx', model);
    // A vector is one channel: one scale.
    expect(cuts.at(-1)).toMatchObject({
      tensor: 'features',
      latent: { shape: [6], bytes: 8, floatBytes: 24 },
    });
  });
});
