import { describe, expect, it } from 'vitest';
import { adamRate, RATE_INPUT } from '../../src/autodiff/optimizer.js';
import type { CompileOptions, Engine, FloatTensor } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { BatchFeed } from '../../src/learn/batch-feed.js';
import { FineTuning } from '../../src/learn/isolation/fine-tuning.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { Pnn } from '../../src/learn/isolation/pnn.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import { SAMPLE_LOSSES, TARGETS } from '../../src/learn/softmax.js';
import { type StepGraph, Steps } from '../../src/learn/steps.js';
import type { Isolation } from '../../src/learn/strategy.js';
import { LOSS, trainingGraph } from '../../src/learn/training-graph.js';
import type { Model } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';
import { CODEC, patternSamples, smallCrown } from './small-crown.js';

const BATCH = 8;
const context = { crown: smallCrown(), earlier: [] };
const samples = patternSamples(96, 4, 1);
const feed = new BatchFeed(context, CODEC, { ...samples, classes: 4 }, BATCH, 0.1);

/** An engine whose graphs have no loops, on the same runtime. */
class Loopless implements Engine {
  readonly name = 'loopless';
  readonly version = '1';
  readonly loops = false;
  private readonly ort = new OrtEngine();
  compile(model: Model | Uint8Array, options?: CompileOptions) {
    return this.ort.compile(model, options);
  }
}

function graphOf(isolation: Isolation): StepGraph {
  const strategies = { isolation, regularization: new NoRegularization() };
  const options = { ...LEARNER_DEFAULTS, headRate: 1e-2, hardest: 0.5 };
  return trainingGraph(strategies, context, BATCH, 4, options, new Random(2));
}

/** Inputs of steps `from` to `to`: each has a batch and a rate of its own. */
function inputs(from: number, to: number): Record<string, FloatTensor> {
  const steps = Array.from({ length: to - from }, (_, i) => from + i);
  const batches = steps.map((s) => Array.from({ length: BATCH }, (_, k) => (s * BATCH + k) % 96));
  const rates = Float32Array.from(steps, (s) => adamRate(s + 1, 1));
  return { ...feed.fillAll(batches), [RATE_INPUT]: { dims: [steps.length], data: rates } };
}

/** Twelve steps in runs of these lengths: the values, and every step's losses. */
async function trained(steps: Steps, runs: readonly number[]) {
  const losses: number[] = [];
  let from = 0;
  for (const count of runs) {
    const results = await steps.run(inputs(from, from + count));
    expect(results[LOSS]!.dims).toEqual([count]);
    expect(results[SAMPLE_LOSSES]!.dims).toEqual([count, BATCH]);
    const each = results[SAMPLE_LOSSES]!.data;
    for (let k = 0; k < count; k++) {
      losses.push(results[LOSS]!.data[k]!, ...each.subarray(k * BATCH, (k + 1) * BATCH));
    }
    from += count;
  }
  const values = [...steps.values()].map(([name, data]) => [name, data.slice()] as const);
  return { values, losses };
}

describe('steps', () => {
  // What is trained is read as it is, masked, and (a column's and a crown's own weights) under another shape.
  it.each([
    ['a mask', () => new Piggyback()],
    ['a column', () => new Pnn()],
    ['all weights', () => new FineTuning(1e-2)],
  ])('of %s give the same bits many in a run and one by one', async (_, make) => {
    const ort = new OrtEngine();
    const all = await Promise.all([
      Steps.compile(ort, graphOf(make()), {}),
      Steps.compile(ort, graphOf(make()), {}),
      Steps.compile(ort, graphOf(make()), { oneByOne: true }),
      Steps.compile(new Loopless(), graphOf(make()), {}),
    ]);
    expect(all.map((s) => s.looped)).toEqual([true, true, false, false]);
    const runs = [[12], [1, 4, 5, 2], Array<number>(12).fill(1), [5, 7]];
    const results = [];
    for (const [i, steps] of all.entries()) results.push(await trained(steps, runs[i]!));
    for (const other of results.slice(1)) expect(other).toEqual(results[0]);
    await Promise.all(all.map((s) => s.close()));
  });

  it.each([
    ['many in a run', {}],
    ['one by one', { oneByOne: true }],
  ])('of two graphs train the same parameters by turns, %s', async (_, options) => {
    const ort = new OrtEngine();
    const graph = () => graphOf(new FineTuning(1e-2));
    const [alone, one] = await Promise.all([0, 1].map(() => Steps.compile(ort, graph(), options)));
    const other = await Steps.compile(ort, graph(), { ...options, along: one! });
    await alone!.run(inputs(0, 7));
    await one!.run(inputs(0, 3));
    await other.run(inputs(3, 4));
    await one!.run(inputs(4, 6));
    await other.run(inputs(6, 7));
    expect(one!.values()).toEqual(alone!.values());
    expect(other.values()).toEqual(alone!.values());
    await Promise.all([alone, one, other].map((steps) => steps!.close()));
  });

  it('leave the initial values as they were', async () => {
    const graph = graphOf(new Pnn());
    const before = graph.parameters.map((p) => p.initial.slice());
    for (const oneByOne of [true, false]) {
      const steps = await Steps.compile(new OrtEngine(), graph, { oneByOne });
      await steps.run(inputs(0, 3));
      await steps.close();
      expect(graph.parameters.map((p) => p.initial)).toEqual(before);
    }
  });

  it.each([true, false])('go on from what was written to the values (one by one: %s)', async (oneByOne) => {
    const graph = graphOf(new Piggyback());
    const [changed, other] = await Promise.all(
      [0, 1].map(() => Steps.compile(new OrtEngine(), graph, { oneByOne })),
    );
    await changed!.run(inputs(0, 2));
    await other!.run(inputs(0, 2));
    for (const data of changed!.values().values()) data.fill(0.5);
    await changed!.run(inputs(2, 3));
    await other!.run(inputs(2, 3));
    const [name, written] = [...changed!.values()][0]!;
    // Adam moves a number by no more than a few times its rate in a step.
    expect(Math.max(...written.map((x) => Math.abs(x - 0.5)))).toBeLessThan(0.1);
    expect(written).not.toEqual(other!.values().get(name));
    await Promise.all([changed!.close(), other!.close()]);
  });

  it.each([true, false])('take what is the same in all of them once (one by one: %s)', async (oneByOne) => {
    const graph = graphOf(new Piggyback());
    const constant = { ...graph, each: graph.each.filter((name) => name !== TARGETS) };
    const [whole, part] = await Promise.all(
      [graph, constant].map((g) => Steps.compile(new OrtEngine(), g, { oneByOne })),
    );
    const { [TARGETS]: targets, ...rest } = inputs(0, 3);
    const one = targets!.data.slice(0, BATCH * 4);
    const repeated = Float32Array.from({ length: 3 * one.length }, (_, i) => one[i % one.length]!);
    const a = await whole!.run({ ...rest, [TARGETS]: { dims: [3, BATCH, 4], data: repeated } });
    const b = await part!.run(rest, { [TARGETS]: { dims: [BATCH, 4], data: one } });
    expect(b[LOSS]!.data).toEqual(a[LOSS]!.data);
    expect([...part!.values()]).toEqual([...whole!.values()]);
    await Promise.all([whole!.close(), part!.close()]);
  });
});
