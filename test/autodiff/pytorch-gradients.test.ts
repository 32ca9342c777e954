import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/gradient.js';
import { channelsLast } from '../../src/autodiff/layout.js';
import { crossEntropy } from '../../src/autodiff/loss.js';
import { lower } from '../../src/autodiff/lower.js';
import { patched } from '../../src/autodiff/patches.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { weightLayer } from '../../src/learn/isolation/layers.js';
import type { Crown } from '../../src/learn/strategy.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { inline } from '../../src/onnx/inline.js';
import { int, sizeOf } from '../../src/onnx/model.js';
import { FAMILIES, familyBackbone, type GradientFixture, gradientFixture } from '../fixtures/families.js';

/** Relative to the tensor's norm, and of every element relative to the tensor's largest. */
const TOLERANCE = 1e-4;
const engine = new OrtEngine();
/** As written, with channels last, and as it is trained: with products of patches, too. */
const FORMS = ['plain', 'channels last', 'products of patches'] as const;

/** Every float constant of more than one value that the crown reads, by the first place that reads it. */
function constantsOf({ graph }: Crown): Map<string, string> {
  const found = new Map<string, string>();
  for (const n of graph.nodes) {
    n.inputs.forEach((name, i) => {
      const t = graph.initializers.get(name);
      if (t?.data instanceof Float32Array && t.data.length > 1 && !found.has(name)) {
        found.set(name, `${n.outputs[0]}:${i}`);
      }
    });
  }
  return found;
}

/** The crown with all its constants as inputs, then a linear head and the loss; its gradients as outputs. */
async function run(crown: Crown, fixture: GradientFixture, form: (typeof FORMS)[number]) {
  const constants = constantsOf(crown);
  const forward = new GraphBuilder();
  const fed = new Map([[crown.latent, forward.input(crown.latent, fixture.latent.dims)]]);
  const feeds = { [crown.latent]: fixture.latent };
  const initializers = new Map(crown.graph.initializers);
  for (const [name, key] of constants) {
    const t = crown.graph.initializers.get(name)!;
    fed.set(name, forward.input(key, t.dims));
    feeds[key] = { dims: t.dims, data: t.data as Float32Array };
    initializers.delete(name);
  }
  const features = inline(forward, { ...crown.graph, initializers }, fed).get(crown.features)!;
  forward.output(features);
  const products =
    form === 'products of patches' ? patched(forward.graph(), (tensor) => forward.shape(tensor)) : forward;
  const b = form === 'plain' ? forward : channelsLast(products.graph(), (tensor) => products.shape(tensor));
  const { headWeight, headBias, targets } = fixture;
  Object.assign(feeds, { headWeight, headBias, targets });
  for (const [name, t] of Object.entries({ headWeight, headBias, targets })) b.input(name, t.dims);
  const logits = b.op('Gemm', [features, 'headWeight', 'headBias'], { transB: int(1) });
  const loss = crossEntropy(b, logits, 'targets');
  const wanted = [crown.latent, 'headWeight', ...constants.values()];
  const found = gradients(b, loss, wanted);
  const outputs = new Map(wanted.map((name) => [name, b.op('Identity', [found.get(name)!])]));
  b.outputs.length = 0;
  for (const o of [features, loss, ...outputs.values()]) b.output(o);
  const program = await engine.compile(lower(b.model()));
  const results = await program.run(feeds);
  await program.close();
  return {
    features: results[features]!.data,
    loss: results[loss]!.data[0]!,
    gradients: new Map(
      [...outputs].map(([name, o]) => [name === crown.latent ? 'latent' : name, results[o]!]),
    ),
  };
}

/** The larger of the norm's and the worst element's deviation. */
function deviation(actual: Float32Array, expected: Float32Array): number {
  let squares = 0;
  let norm = 0;
  let worst = 0;
  let largest = 0;
  expected.forEach((e, i) => {
    const d = Math.abs(actual[i]! - e);
    squares += d * d;
    norm += e * e;
    worst = Math.max(worst, d);
    largest = Math.max(largest, Math.abs(e));
  });
  return Math.max(Math.sqrt(squares / norm), worst / largest);
}

describe.each(FAMILIES)('a crown of %s', (name) => {
  it.each(FORMS)('has PyTorch’s gradients, %s', async (form) => {
    const fixture = gradientFixture(name);
    const { crown } = await familyBackbone(name, engine);
    const actual = await run(crown, fixture, form);
    expect(deviation(actual.features, fixture.features.data)).toBeLessThan(TOLERANCE);
    expect(Math.abs(actual.loss / fixture.loss - 1)).toBeLessThan(TOLERANCE);
    expect([...actual.gradients.keys()].sort()).toEqual([...fixture.gradients.keys()].sort());
    const deviations = [...fixture.gradients].map(([key, expected]) => {
      const { dims, data } = actual.gradients.get(key)!;
      expect(sizeOf(dims), key).toBe(sizeOf(expected.dims));
      return { key, by: deviation(data, expected.data) };
    });
    expect(deviations.filter(({ by }) => !(by < TOLERANCE))).toEqual([]);
  });

  it('has a gradient of every weight that is trained', async () => {
    const { crown } = await familyBackbone(name, engine);
    const kept = gradientFixture(name).gradients;
    const layers = crown.graph.nodes.filter((n) => weightLayer(crown.graph, n));
    expect(layers.length).toBeGreaterThan(3);
    for (const n of layers) expect(kept.has(`${n.outputs[0]}:1`), n.name).toBe(true);
  });
});
