import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { Pnn } from '../../src/learn/isolation/pnn.js';
import { train } from '../../src/learn/learner.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { leastBytes, stepBytes } from '../../src/learn/memory-plan.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import { ExperienceReplay } from '../../src/learn/rehearsal/er.js';
import type { Isolation } from '../../src/learn/strategy.js';
import { trainingGraph } from '../../src/learn/training-graph.js';
import { Random } from '../../src/random.js';
import { CODEC, patternSamples, smallCrown } from './small-crown.js';

const engine = new OrtEngine();
const context = { crown: smallCrown(), earlier: [] };
const samples = patternSamples(48, 5, 1);

/** What training with so many pieces a batch comes to, from one start. */
async function trained(isolation: Isolation, batch: number, pieces: number) {
  const set = { ...samples, classes: 5, fresh: samples.labels.map((_, i) => i) };
  const strategies = { isolation, regularization: new NoRegularization(), rehearsal: new ExperienceReplay() };
  return train(engine, strategies, context, CODEC, set, { ...LEARNER_DEFAULTS, epochs: 1, batch, pieces });
}

describe('a batch in pieces', () => {
  it.each([
    ['a mask', () => new Piggyback(), 16, 4],
    ['a mask, with pieces of one', () => new Piggyback(), 16, 16],
    ['a mask, with rows that are left over', () => new Piggyback(), 16, 5],
  ])('makes the same steps as the whole: %s', async (_, make, batch, pieces) => {
    const whole = await trained(make(), batch, 1);
    const parts = await trained(make(), batch, pieces);
    expect(parts.losses[0]).toBeCloseTo(whole.losses[0]!, 4);
    // Adam's first steps go by the gradient's sign alone, where a gradient is near zero rounding decides it.
    for (const [name, values] of [...whole.values, ['head', whole.headWeight] as const]) {
      const other = name === 'head' ? parts.headWeight : parts.values.get(name)!;
      const apart = values.filter((v, i) => Math.abs(v - other[i]!) > 1e-4 + 1e-3 * Math.abs(v)).length;
      expect(apart, name).toBeLessThanOrEqual(Math.max(1, 0.02 * values.length));
    }
  });

  it.each([
    ['a mask', () => new Piggyback()],
    ['a column', () => new Pnn()],
  ])('has the gradient of the whole, to rounding: %s', async (_, make) => {
    const strategies = { isolation: make(), regularization: new NoRegularization() };
    const moments = async (pieces: number) => {
      const graph = trainingGraph(strategies, context, 8, 5, LEARNER_DEFAULTS, new Random(0), pieces);
      const random = new Random(7);
      const program = await engine.compile(graph.model);
      const feeds = Object.fromEntries(
        graph.model.graph.inputs.map((i) => {
          const dims = (i.dims ?? []).map(Number);
          // The head starts at zero, and nothing would come back through it.
          const start = graph.parameters.find((p) => p.name === i.name)?.initial;
          const initial = i.name.startsWith('lichen:head') ? undefined : start;
          const size = dims.reduce((a, d) => a * d, 1);
          const zero = /adam[12]$/.test(i.name);
          return [
            i.name,
            { dims, data: initial ?? new Float32Array(size).map(() => (zero ? 0 : random.next())) },
          ];
        }),
      );
      const outputs = await program.run(feeds);
      await program.close();
      // After one step from zero the first moment is a tenth of the gradient.
      return new Map(
        graph.steps.map((s) => [s.parameter, outputs[s.updates.get(`${s.parameter}.adam1`)!]!.data]),
      );
    };
    const [whole, parts] = [await moments(1), await moments(4)];
    for (const [name, gradient] of whole) {
      const size = Math.sqrt(gradient.reduce((s, v) => s + v * v, 0));
      const apart = Math.sqrt(gradient.reduce((s, v, i) => s + (v - parts.get(name)![i]!) ** 2, 0));
      expect(size, name).toBeGreaterThan(0);
      expect(apart, name).toBeLessThan(1e-5 * size);
    }
  });

  it('needs less memory by what is estimated', () => {
    const strategies = { isolation: new Piggyback(), regularization: new NoRegularization() };
    const graph = (rows: number, pieces: number) =>
      trainingGraph(strategies, context, rows, 5, LEARNER_DEFAULTS, new Random(0), pieces);
    const bytes = (pieces: number) =>
      stepBytes(graph(4096, pieces), pieces, leastBytes(graph, Math.min(pieces, 2)));
    expect(bytes(8)).toBeLessThan(0.7 * bytes(1));
  });
});
