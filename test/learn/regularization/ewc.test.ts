import { describe, expect, it } from 'vitest';
import { readMnist } from '../../../bench/continual/mnist.js';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { inOrder, permuted, samplesOf } from '../../../bench/continual/tasks.js';
import { gradients } from '../../../src/autodiff/gradient.js';
import { lower } from '../../../src/autodiff/lower.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { Ewc, type EwcOptions } from '../../../src/learn/regularization/ewc.js';
import { type FisherKind, fisherDiagonal, fisherGraph } from '../../../src/learn/regularization/fisher.js';
import { accuracyOf, type SequenceOptions } from '../../../src/learn/sequence/continual-learner.js';
import { withHead } from '../../../src/learn/sequence/headed.js';
import { openMethod } from '../../../src/learn/sequence/methods.js';
import { lossOf } from '../../../src/learn/sequence/shared-step.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { Random } from '../../../src/random.js';
import { errorOf } from '../../error-of.js';
import { smallMlp } from '../sequence/small.js';

const engine = new OrtEngine();
const [train, test] = [readMnist('train'), readMnist('test')];
const first = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const all = first(10);
const mnist = (count: number, from = 0, gather = inOrder(784)) =>
  samplesOf(train, { indices: first(count, from), gather });

const OPTIONS: SequenceOptions = {
  ...{
    classes: 10,
    taskKnown: false,
    epochs: 1,
    batch: 32,
    optimizer: 'sgd',
    rate: 0.05,
    seed: 3,
    threads: 1,
  },
};

/** A network with some weights, as the Fisher information is measured on. */
function stateOf(crown: Crown, options: Partial<SequenceOptions> = {}) {
  const headed = withHead(crown, 10, new Random(5));
  const isolation = new FineTuning(0.1);
  const { parameters } = isolation.network({ crown: headed, earlier: [] }, 1);
  const values = new Map(parameters.map((p) => [p.name, p.initial]));
  return {
    ...{ engine, isolation, crown: headed, parameters, options: { ...OPTIONS, ...options } },
    values: () => values,
  };
}

type State = ReturnType<typeof stateOf>;

/** The diagonal, batched and from gradients of one sample at a time. */
async function bothWays(state: State, kind: FisherKind, count: number, open?: number[]) {
  const of = { samples: mnist(count), indices: first(count), open };
  const batched = await fisherDiagonal(state, kind, of, new Random(9));
  const alone = await fisherDiagonal(state, kind, { ...of, rows: 1 }, new Random(9));
  return { batched, alone };
}

function expectSame(batched: Map<string, Float32Array>, alone: Map<string, Float32Array>) {
  expect([...batched.keys()]).toEqual([...alone.keys()]);
  for (const [name, values] of alone) {
    const largest = values.reduce((most, v) => Math.max(most, v), 0);
    expect(largest, name).toBeGreaterThan(0);
    const found = batched.get(name)!;
    const worst = values.reduce((most, v, i) => Math.max(most, Math.abs(v - found[i]!)), 0);
    expect(worst / largest, name).toBeLessThan(1e-4);
  }
}

describe('the Fisher diagonal', () => {
  it.each(['true', 'empirical'] as const)(
    '%s, batched, is what one sample at a time gives (MLP)',
    async (kind) => {
      const state = stateOf(mlp(784, [30, 20], 1));
      expect(fisherGraph(state, kind).rows).toBe(100);
      const { batched, alone } = await bothWays(state, kind, 130);
      expectSame(batched, alone);
    },
  );

  it('the same for convolutions, with a mask of open classes', async () => {
    const state = stateOf(convNet(28, 1), { taskKnown: true });
    expect(fisherGraph(state, 'true').rows).toBeGreaterThan(10);
    const { batched, alone } = await bothWays(state, 'true', 40, [0, 1, 4]);
    expectSame(batched, alone);
    const head = batched.get('lichen:head.bias')!;
    for (const c of all) expect(head[c]! > 0, `class ${c}`).toBe([0, 1, 4].includes(c));
  });

  it('is not the square of the batch’s gradient, in which samples cancel out', async () => {
    const state = stateOf(mlp(784, [30], 1));
    const { batched } = await bothWays(state, 'empirical', 100);
    const { isolation, crown } = state;
    const { b, parameters } = lossOf(isolation, crown, 100, false, 'batch', new Random(1));
    const found = gradients(b, 'data_loss', ['dense0.weight']).get('dense0.weight')!;
    b.output(found);
    const program = await engine.compile(lower(b.model()), { threads: 1 });
    const x = new Float32Array(100 * 784);
    const targets = new Float32Array(100 * 10);
    const samples = mnist(100);
    for (let n = 0; n < 100; n++) {
      samples.read(n, x, n * 784);
      targets[n * 10 + samples.labels[n]!] = 1;
    }
    const values = Object.fromEntries(
      parameters.map(({ name, dims, initial }) => [name, { dims, data: initial }]),
    );
    const feeds = {
      ...values,
      'batch:x': { dims: [100, 784], data: x },
      'batch:targets': { dims: [100, 10], data: targets },
    };
    const gradient = (await program.run(feeds))[found]!.data;
    await program.close();
    const total = (v: Float32Array, of: (value: number) => number) => v.reduce((s, g) => s + of(g), 0);
    const fisher = total(batched.get('dense0.weight')!, (f) => f);
    expect(fisher).toBeGreaterThan(5 * total(gradient, (g) => g * g));
  });

  it('of a softmax layer is p (1 - p) x^2, which draws of labels come near to', async () => {
    const b = new GraphBuilder();
    b.output(b.op('Identity', [b.input('x', [1, 784])], {}, 'same'));
    const state = stateOf({ graph: b.graph(), latent: 'x', latentShape: [784], features: 'same' });
    const count = 4000;
    const samples = mnist(count);
    const found = await fisherDiagonal(state, 'true', { samples, indices: first(count) }, new Random(2));
    const [weight, bias] = [
      state.values().get('lichen:head.weight')!,
      state.values().get('lichen:head.bias')!,
    ];
    const exact = new Float64Array(10);
    const x = new Float32Array(784);
    for (let n = 0; n < count; n++) {
      samples.read(n, x, 0);
      const e = all.map((c) => Math.exp(x.reduce((s, v, i) => s + v * weight[c * 784 + i]!, bias[c]!)));
      const total = e.reduce((s, v) => s + v, 0);
      for (const c of all) exact[c]! += ((e[c]! / total) * (1 - e[c]! / total)) / count;
    }
    const ratios = all.map((c) => found.get('lichen:head.bias')![c]! / exact[c]!);
    // About 400 samples have a class's label.
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.2);
    expect(Math.abs(ratios.reduce((s, r) => s + r, 0) / 10 - 1)).toBeLessThan(0.03);
  });
});

describe('the penalty', () => {
  const dims = [3, 4];
  const random = new Random(11);
  const draw = (scale = 1) => Float32Array.from({ length: 12 }, () => scale * random.next());
  const tasks = first(4).map(() => ({ fisher: draw(), value: draw(2) }));
  const points = first(3).map(() => draw(3));

  async function penalties(options: Partial<EwcOptions>): Promise<number[]> {
    const ewc = new Ewc(options);
    const b = new GraphBuilder();
    b.input('w', dims);
    b.output(ewc.penalty(b, [{ name: 'w', dims, initial: draw(), learningRate: 1 }])!);
    const program = await engine.compile(b.model(), { threads: 1 });
    for (const { fisher, value } of tasks) ewc.consolidate(new Map([['w', fisher]]), new Map([['w', value]]));
    expect(Object.keys(ewc.inputs())).toHaveLength(2);
    expect(ewc.stateBytes()).toBe(2 * 4 * 12);
    const found: number[] = [];
    for (const data of points) {
      const results = await program.run({ ...ewc.inputs(), w: { dims, data } });
      found.push(Object.values(results)[0]!.data[0]!);
    }
    await program.close();
    return found;
  }

  it('keeps what it knows where it is asked for again, for another graph of the network', () => {
    const ewc = new Ewc({ implicit: false });
    const parameters = [{ name: 'w', dims, initial: draw(), learningRate: 1 }];
    const ask = () => {
      const b = new GraphBuilder();
      b.input('w', dims);
      ewc.penalty(b, parameters);
      return b.inputs.length;
    };
    const inputs = ask();
    for (const { fisher, value } of tasks) ewc.consolidate(new Map([['w', fisher]]), new Map([['w', value]]));
    const known = Object.values(ewc.inputs()).map(({ data }) => data.slice());
    expect(ask()).toBe(inputs);
    expect(Object.values(ewc.inputs()).map(({ data }) => data)).toEqual(known);
    expect(known.flatMap((v) => [...v])).not.toContain(0);
  });

  it('is taken implicitly behind the step where that is asked for: the lowest point of parabola and distance', async () => {
    const [lambda, learningRate] = [500, 0.14];
    const ewc = new Ewc({ lambda, implicit: true });
    const b = new GraphBuilder();
    b.input('w', dims);
    expect(ewc.penalty(b, [{ name: 'w', dims, initial: draw(), learningRate }])).toBeNull();
    const settled = ewc.settle(b, smallMlp(), new Map([['w', 'w']])).get('w')!;
    b.output(settled);
    const program = await engine.compile(b.model(), { threads: 1 });
    for (const { fisher, value } of tasks) ewc.consolidate(new Map([['w', fisher]]), new Map([['w', value]]));
    const [point] = points as [Float32Array];
    const results = await program.run({ ...ewc.inputs(), w: { dims, data: point } });
    const found = results[settled]!.data;
    // Its slope there: (x - w) + learningRate * lambda * sum F (x - value) = 0.
    found.forEach((x, i) => {
      const slope = tasks.reduce((sum, { fisher, value }) => sum + fisher[i]! * (x - value[i]!), 0);
      expect(Math.abs(x - point[i]! + learningRate * lambda * slope)).toBeLessThan(1e-3);
    });
    await program.close();
  });

  const parabola = (fisher: Float32Array, value: Float32Array, point: Float32Array, scale: number) =>
    point.reduce((s, v, i) => s + scale * fisher[i]! * (v - value[i]!) ** 2, 0);

  it('of one importance and one anchor is that of a term for every task, but for a constant', async () => {
    const found = await penalties({ lambda: 3 });
    const apart = points.map((point) =>
      tasks.reduce((s, { fisher, value }) => s + parabola(fisher, value, point, 3 / 2), 0),
    );
    for (const i of [1, 2]) expect(found[i]! - found[0]!).toBeCloseTo(apart[i]! - apart[0]!, 3);
  });

  it('online lets what earlier tasks found decay, around the last task’s parameters', async () => {
    const found = await penalties({ lambda: 3, gamma: 0.5 });
    points.forEach((point, p) => {
      const fisher = first(12).map((i) => tasks.reduce((s, t) => 0.5 * s + t.fisher[i]!, 0));
      expect(found[p]).toBeCloseTo(parabola(Float32Array.from(fisher), tasks.at(-1)!.value, point, 3 / 2), 3);
    });
  });

  it.each([
    [{ lambda: -1 }, 'lambda is -1; expected a number from 0'],
    [{ fisher: 'exact' as FisherKind }, "fisher is exact; expected 'true' or 'empirical'"],
    [{ samples: 0 }, 'samples is 0'],
    [{ gamma: 1.5 }, 'gamma is 1.5; expected a number from 0 to 1'],
  ])('refuses %j', (options, message) => {
    const error = errorOf(() => new Ewc(options));
    expect(error.code).toBe('method-setting');
    expect(error.message).toContain(message);
  });
});

describe('EWC', () => {
  const random = new Random(21);
  const tasks: SequenceTask[] = first(3).map((t) => {
    const gather = t === 0 ? inOrder(784) : permuted(784, random);
    return {
      name: `${t}`,
      train: mnist(3000, 3000 * t, gather),
      test: samplesOf(test, { indices: first(1000), gather }),
      classes: all,
    };
  });

  async function run(ewc: Partial<EwcOptions>) {
    const crown = mlp(784, [100, 100], 3);
    const options = { ...OPTIONS, epochs: 3, rate: 0.1 };
    const learner = await openMethod('ewc', { engine, crown, options, settings: { ewc } });
    for (const task of tasks) await learner.learn(task);
    const rows = [];
    for (const { test } of tasks) rows.push(await learner.probabilities(test));
    const bytes = learner.holdings();
    await learner.close();
    const accuracies = rows.map((r, t) => accuracyOf(r, tasks[t]!.test.labels));
    return { rows, bytes, accuracy: accuracies.reduce((s, a) => s + a, 0) / 3 };
  }

  it('keeps what was learned, and without its penalty does not; runs repeat bit for bit', async () => {
    const held = await run({ lambda: 20, samples: 500 });
    const free = await run({ lambda: 0, samples: 500 });
    expect(held.accuracy).toBeGreaterThan(free.accuracy + 0.015);
    expect(held.bytes.state).toBe(2 * held.bytes.parameters);
    expect((await run({ lambda: 20, samples: 500 })).rows).toEqual(held.rows);
  });
});
