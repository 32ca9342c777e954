import { describe, expect, it } from 'vitest';
import { readMnist } from '../../../bench/continual/mnist.js';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { inOrder, permuted, samplesOf } from '../../../bench/continual/tasks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { AgsCl, type AgsClOptions } from '../../../src/learn/regularization/ags-cl.js';
import { nodeLayers } from '../../../src/learn/regularization/nodes.js';
import { NoReplay } from '../../../src/learn/rehearsal/episodic-replay.js';
import { accuracyOf, type SequenceOptions } from '../../../src/learn/sequence/continual-learner.js';
import { withHead } from '../../../src/learn/sequence/headed.js';
import { SharedNetwork } from '../../../src/learn/sequence/shared-network.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { floats, int } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import { errorOf } from '../../error-of.js';
import { smallCrown } from '../small-crown.js';

const engine = new OrtEngine();
const [train, test] = [readMnist('train'), readMnist('test')];
const first = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

const OPTIONS: SequenceOptions = {
  ...{
    classes: 30,
    taskKnown: true,
    epochs: 2,
    batch: 32,
    optimizer: 'adam',
    rate: 1e-3,
    seed: 3,
    threads: 1,
  },
};

/** Permutations with classes of their own. */
function permutations(count: number, samples: number): SequenceTask[] {
  const random = new Random(21);
  return first(count).map((t) => {
    const gather = t === 0 ? inOrder(784) : permuted(784, random);
    const labelOf = (digit: number) => digit + 10 * t;
    return {
      name: `${t}`,
      train: samplesOf(train, { indices: first(samples, samples * t), gather, labelOf }),
      test: samplesOf(test, { indices: first(1000), gather, labelOf }),
      classes: first(10, 10 * t),
    };
  });
}

async function opened(crown: Crown, options: Partial<AgsClOptions>, sequence: Partial<SequenceOptions> = {}) {
  const regularization = new AgsCl(options);
  const axes = { isolation: new FineTuning(1e-3), regularization, rehearsal: new NoReplay() };
  const learner = await SharedNetwork.open(engine, crown, axes, { ...OPTIONS, ...sequence });
  const snapshot = () => new Map([...learner.values()].map(([name, v]) => [name, v.slice()]));
  return { learner, regularization, snapshot };
}

const layersOf = (crown: Crown) => nodeLayers(withHead(crown, 30, new Random(1)));

describe('the nodes of a network', () => {
  it('are units and filters, and each weight reads one node of the layer before', () => {
    const layers = layersOf(convNet(28, 1));
    expect(layers.map((l) => [l.key, l.nodes, l.columns, l.activation, l.isHead])).toEqual([
      ['conv0', 16, 9, 'conv0.relu', false],
      ['conv1', 32, 16 * 9, 'conv1.relu', false],
      ['dense', 128, 32 * 49, 'dense.relu', false],
      ['lichen:head', 30, 128, 'lichen:head', true],
    ]);
    const [conv0, conv1, dense, head] = layers.map((l) => l.sources);
    expect(conv0!.every((nodes) => nodes.length === 0)).toBe(true);
    expect(conv1![2 * 9 + 5]).toEqual([{ layer: 'conv0', place: 2 }]);
    expect(dense![7 * 49 + 48]).toEqual([{ layer: 'conv1', place: 7 }]);
    expect(head![127]).toEqual([{ layer: 'dense', place: 127 }]);
  });

  it('are followed through sums and concatenations', () => {
    const b = new GraphBuilder();
    const weight = (out: number, from: number) =>
      b.constant(floats(new Float32Array(out * from), [out, from]));
    const x = b.input('x', [1, 3]);
    const dense = (input: string, out: number, from: number, name: string) =>
      b.op('Relu', [b.op('Gemm', [input, weight(out, from)], { transB: int(1) }, name)]);
    const [p, q] = [dense(x, 2, 3, 'p'), dense(x, 2, 3, 'q')];
    const both = b.op('Concat', [b.op('Add', [p, q]), p], { axis: int(1) });
    b.output(b.op('Identity', [dense(both, 5, 4, 'r')], {}, 'features'));
    const crown = { graph: b.graph(), latent: 'x', latentShape: [3], features: 'features' };
    expect(layersOf(crown)[2]!.sources).toEqual([
      ...first(2).map((place) => ['p', 'q'].map((layer) => ({ layer, place }))),
      ...first(2).map((place) => [{ layer: 'p', place }]),
    ]);
  });

  it('are refused where they cannot be followed, with what to do', () => {
    const error = errorOf(() => layersOf(smallCrown()));
    expect(error.code).toBe('method-network');
    expect(error.message).toMatch(/cannot follow the network's nodes through .*use EWC/);
  });
});

describe('the proximal step', () => {
  it('keeps what it knows where it is asked for again, for another graph of the network', () => {
    const crown = withHead(mlp(3, [4], 1), 2, new Random(1));
    const method = new AgsCl();
    const ask = () => {
      const b = new GraphBuilder();
      const names = ['dense0', 'lichen:head'].flatMap((key) => [`${key}.weight`, `${key}.bias`]);
      const dims = [[4, 3], [4], [2, 4], [2]];
      method.settle(b, crown, new Map(names.map((name, i) => [name, b.input(name, dims[i]!)])));
    };
    ask();
    const omega = method.keeps()['ags:dense0.omega']!.data;
    omega.set([1, 2, 3, 4]);
    ask();
    expect(method.keeps()['ags:dense0.omega']!.data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('pulls a node towards 0 or its anchor as a group, no further, and cuts off what it may not read', async () => {
    const crown = withHead(mlp(3, [4], 1), 2, new Random(1));
    const random = new Random(8);
    const draw = (count: number) => Float32Array.from({ length: count }, () => 2 * random.next() - 1);
    const method = new AgsCl();
    const b = new GraphBuilder();
    const dims: Record<string, number[]> = {
      ...{ 'dense0.weight': [4, 3], 'dense0.bias': [4] },
      ...{ 'lichen:head.weight': [2, 4], 'lichen:head.bias': [2] },
    };
    const next = new Map(Object.entries(dims).map(([name, d]) => [name, b.input(name, d)]));
    for (const name of method.settle(b, crown, next).values()) b.output(name);
    const program = await engine.compile(b.model(), { threads: 1 });
    const given = Object.fromEntries(
      Object.entries(dims).map(([name, d]) => [name, { dims: d, data: draw(d.reduce((s, v) => s * v, 1)) }]),
    );
    const inputs = method.inputs();
    const anchor = draw(12);
    inputs['ags:dense0.weight']!.data.set(anchor);
    inputs['ags:dense0.pull']!.data.set([0.1, 5, 0, 0.2]);
    inputs['ags:lichen:head.important']!.data.set([1, 0]);
    inputs['ags:lichen:head.unimportant']!.data.set([0, 1, 0, 1]);
    const results = Object.values(await program.run({ ...given, ...inputs })).map((t) => t.data);
    await program.close();
    const [weight, bias] = [given['dense0.weight']!.data, given['dense0.bias']!.data];
    for (const n of first(4)) {
      const drift = first(3).map((c) => weight[3 * n + c]! - anchor[3 * n + c]!);
      const norm = Math.hypot(...drift, bias[n]!);
      const left = Math.max(0, 1 - [0.1, 5, 0, 0.2][n]! / norm);
      drift.forEach((d, c) => {
        expect(results[0]![3 * n + c]).toBeCloseTo(anchor[3 * n + c]! + left * d, 5);
      });
      expect(results[1]![n]).toBeCloseTo(left * bias[n]!, 5);
    }
    // Node 1 is within its pull: exactly at its anchor.
    expect([...results[0]!.subarray(3, 6)]).toEqual([...anchor.subarray(3, 6)]);
    const head = given['lichen:head.weight']!.data;
    expect([...results[2]!]).toEqual([head[0], 0, head[2], 0, head[4], head[5], head[6], head[7]]);
  });
});

describe('AGS-CL', () => {
  it.each([
    ['dense layers', () => mlp(784, [60, 40], 3), { mu: 8, samples: 2000 }],
    ['convolutions', () => convNet(28, 3), { mu: 5, samples: 600 }],
  ])(
    'freezes important nodes of %s bit for bit, and the answers of their task with them',
    async (_, make, { mu, samples }) => {
      const crown = make();
      const tasks = permutations(2, samples);
      const options = { mu, lambda: 1e6, rho: 0.5 };
      const { learner, regularization, snapshot } = await opened(crown, options);
      await learner.learn(tasks[0]!);
      const before = snapshot();
      const answers = await learner.probabilities(tasks[0]!.test, 0);
      expect(accuracyOf(answers, tasks[0]!.test.labels)).toBeGreaterThan(0.3);
      const { nodes, frozenShare, freeShare } = regularization.methodReport();
      expect(frozenShare! + freeShare!).toBeCloseTo(1, 12);
      expect(frozenShare).toBeGreaterThan(0.1);
      expect(freeShare).toBeGreaterThan(0.1);
      const omega = new Map(layersOf(crown).map(({ key }) => [key, regularization.importanceOf(key)]));
      await learner.learn(tasks[1]!);
      const after = snapshot();
      let frozen = 0;
      let moved = 0;
      for (const { key, nodes: count, columns, isHead, sources } of layersOf(crown)) {
        for (const n of first(count)) {
          const row = (v: Map<string, Float32Array>) => [
            ...v.get(`${key}.weight`)!.subarray(n * columns, (n + 1) * columns),
            v.get(`${key}.bias`)![n],
          ];
          if (isHead ? n < 10 : omega.get(key)![n]! > 0) {
            expect(row(after), `${key} ${n}`).toEqual(row(before));
            sources.forEach((from, c) => {
              if (from.some((s) => omega.get(s.layer)![s.place] === 0)) expect(row(after)[c]).toBe(0);
            });
            if (!isHead) frozen++;
          } else if (!isHead && row(after).some((w, i) => w !== row(before)[i])) moved++;
        }
      }
      expect(frozen).toBe(Math.round(frozenShare! * nodes!));
      expect(moved).toBeGreaterThan(0);
      const same = await learner.probabilities(tasks[0]!.test, 0);
      expect(same.data).toEqual(answers.data);
      await learner.close();
    },
  );

  it('with a budget lets each task begin with its share of nodes, and keeps the others at exactly 0', async () => {
    const crown = mlp(784, [60, 40], 3);
    const tasks = permutations(3, 2000);
    const { learner, regularization, snapshot } = await opened(crown, { mu: 0, lambda: 1e6, budget: 0.25 });
    const used = (): number[] =>
      layersOf(crown)
        .filter((l) => !l.isHead)
        .map(({ key, nodes, columns }) => {
          const weight = snapshot().get(`${key}.weight`)!;
          const live = (n: number) => weight.subarray(n * columns, (n + 1) * columns).some((w) => w !== 0);
          return first(nodes).filter(live).length;
        });
    const answers = [];
    for (const [t, task] of tasks.entries()) {
      await learner.learn(task);
      // What a task used, and the nodes that the next one is to begin with.
      const important = ['dense0', 'dense1'].map(
        (key) => regularization.importanceOf(key).filter((o) => o > 0).length,
      );
      expect(important[0]).toBeGreaterThan(15 * t);
      expect(important[0]).toBeLessThanOrEqual(15 * (t + 1));
      expect(important[1]).toBeLessThanOrEqual(10 * (t + 1));
      expect(used()).toEqual([important[0]! + 15, important[1]! + 10]);
      const rows = await learner.probabilities(task.test, t);
      expect(accuracyOf(rows, task.test.labels)).toBeGreaterThan(0.5);
      answers.push(rows);
    }
    const last = await learner.probabilities(tasks[0]!.test, 0);
    expect(last.data).toEqual(answers[0]!.data);
    await learner.close();
  });

  it('without the pull of important nodes to what they were forgets; runs repeat bit for bit', async () => {
    const tasks = permutations(3, 2000);
    const run = async (lambda: number) => {
      const { learner } = await opened(mlp(784, [100, 100], 3), { mu: 3, lambda }, { epochs: 3 });
      for (const task of tasks) await learner.learn(task);
      const rows = [];
      for (const [t, task] of tasks.entries()) rows.push(await learner.probabilities(task.test, t));
      const bytes = learner.holdings();
      await learner.close();
      return { rows, bytes, accuracy: accuracyOf(rows[0]!, tasks[0]!.test.labels) };
    };
    const held = await run(200);
    const free = await run(0);
    expect(held.accuracy).toBeGreaterThan(free.accuracy + 0.06);
    expect(held.bytes.state).toBeGreaterThan(held.bytes.parameters);
    expect((await run(200)).rows).toEqual(held.rows);
  });

  it.each([
    [{ mu: -1 }, 'mu is -1; expected a number from 0'],
    [{ lambda: Number.NaN }, 'lambda is NaN'],
    [{ rho: 2 }, 'rho is 2; expected a share from 0 to 1'],
    [{ budget: 0 }, 'budget is 0; expected a share above 0'],
    [{ eta: 0 }, 'eta is 0; expected a number above 0'],
    [{ samples: 1.5 }, 'samples is 1.5'],
  ])('refuses %j', (options, message) => {
    const error = errorOf(() => new AgsCl(options));
    expect(error.code).toBe('method-setting');
    expect(error.message).toContain(message);
  });
});
