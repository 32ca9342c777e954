import { describe, expect, it } from 'vitest';
import { readMnist } from '../../../bench/continual/mnist.js';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { inOrder, permuted, samplesOf } from '../../../bench/continual/tasks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import type { AdapterTensors } from '../../../src/learn/adapter.js';
import { Pnn, type PnnOptions } from '../../../src/learn/isolation/pnn.js';
import { lateralSensitivity } from '../../../src/learn/isolation/pnn-sensitivity.js';
import { accuracyOf } from '../../../src/learn/sequence/continual-learner.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import { type DescribedTask, TaskNetworks } from '../../../src/learn/sequence/task-networks.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { Random } from '../../../src/random.js';
import { errorOf, rejectionOf } from '../../error-of.js';

const engine = new OrtEngine();
const [training, testing] = [readMnist('train'), readMnist('test')];
const first = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

/** All digits with their pixels in the same order; the first task has many pictures, the others have other, few ones. */
function fewEach(tasks: number, many: number, few: number): SequenceTask[] {
  const gather = permuted(784, new Random(9));
  const test = samplesOf(testing, { indices: first(1000), gather });
  return first(tasks).map((t) => {
    const indices = t === 0 ? first(many) : first(few, many + few * t);
    return { name: `part ${t}`, train: samplesOf(training, { indices, gather }), test, classes: first(10) };
  });
}

interface Run {
  crown?: Crown;
  options?: Partial<PnnOptions>;
  epochs?: number;
  seed?: number;
}

/** Accuracy on every task in the end, and the columns with what they were learned beside. */
async function learned(tasks: readonly SequenceTask[], run: Run = {}) {
  const { crown = mlp(784, [64, 48], 2), options = {}, epochs = 8, seed = 3 } = run;
  const pnn = new Pnn({ width: 0.5, rate: 1e-3, ...options });
  const columns: DescribedTask[] = [];
  const learner = new TaskNetworks(
    engine,
    crown,
    pnn,
    { classes: 10, taskKnown: true, epochs, batch: 20, optimizer: 'adam', rate: 1e-3, seed, threads: 1 },
    {
      backboneFromFirst: true,
      describe: async (column) => {
        columns.push(column);
        return {};
      },
    },
  );
  try {
    for (const task of tasks) await learner.learn(task);
    const found: number[] = [];
    for (const [t, task] of tasks.entries()) {
      found.push(accuracyOf(await learner.probabilities(task.test, t), task.test.labels));
    }
    return { pnn, columns, accuracy: found, bytes: learner.holdings().parameters };
  } finally {
    await learner.close();
  }
}

const bytesOf = (column: AdapterTensors) =>
  [...column.values()].reduce((sum, t) => sum + 2 * t.data.length, 0);

describe('PNN in a sequence', () => {
  it('has the first task’s network as column 0, and laterals from it in every later column', async () => {
    const { columns, accuracy } = await learned(fewEach(3, 1000, 200));
    expect(Math.min(...accuracy)).toBeGreaterThan(0.75);
    const laterals = columns.map(({ tensors }) => [...tensors.keys()].filter((n) => n.endsWith('.down')));
    expect(laterals).toEqual([['dense1.lateral0.down'], ['dense1.lateral0.down', 'dense1.lateral1.down']]);
    // The laterals read the widths of the network itself, and of the thin column after it.
    expect(columns[1]!.tensors.get('dense1.lateral0.down')!.dims[1]).toBe(64);
    expect(columns[1]!.tensors.get('dense1.lateral1.down')!.dims[1]).toBe(32);
  });

  it('learns more from 100 samples with laterals than the same columns without', async () => {
    const tasks = fewEach(2, 1000, 100);
    const gains: number[] = [];
    for (const seed of [1, 2, 3]) {
      const [, with_] = (await learned(tasks, { seed })).accuracy;
      const [, without] = (await learned(tasks, { seed, options: { laterals: false } })).accuracy;
      gains.push(with_! - without!);
    }
    expect(Math.min(...gains)).toBeGreaterThan(0.03);
  });

  it('grows columns through convolutions', async () => {
    const tasks = [
      [0, 1],
      [2, 3],
    ].map((classes): SequenceTask => {
      const part = (pictures: typeof training, most: number) => {
        const indices = first(pictures.count)
          .filter((i) => classes.includes(pictures.labels[i]!))
          .slice(0, most);
        return samplesOf(pictures, { indices, gather: inOrder(784) });
      };
      return { name: classes.join(), train: part(training, 300), test: part(testing, 300), classes };
    });
    const { columns, accuracy } = await learned(tasks, { crown: convNet(28, 1), epochs: 3 });
    expect(Math.min(...accuracy)).toBeGreaterThan(0.9);
    expect([...columns[0]!.tensors.keys()]).toContain('conv1.lateral0.up');
    expect([...columns[0]!.tensors.keys()]).toContain('dense.lateral0.up');
  });

  it('makes every column as wide as its bytes allow, laterals included', async () => {
    const columnBytes = 70_000;
    const { columns, accuracy } = await learned(fewEach(4, 500, 200), {
      crown: mlp(784, [128, 64], 2),
      options: { width: 1, columnBytes },
      epochs: 8,
    });
    const widths = columns.map(({ tensors }) => tensors.get('dense0.column')!.dims[0]!);
    for (const { tensors } of columns) {
      expect(bytesOf(tensors)).toBeLessThanOrEqual(columnBytes);
      // One step of eight units more would not fit: each costs 12,560 bytes in the first layer alone.
      expect(bytesOf(tensors)).toBeGreaterThan(columnBytes - 8 * 2 * 785 - 8000);
    }
    expect(widths[2]).toBeLessThanOrEqual(widths[0]!);
    expect(Math.min(...accuracy)).toBeGreaterThan(0.6);
  });

  it('says what a column takes at least where its bytes are too few', async () => {
    const run = learned(fewEach(2, 200, 100), { options: { columnBytes: 5000 }, epochs: 1 });
    const error = await rejectionOf(run);
    expect(error).toMatchObject({ code: 'pnn-budget' });
    expect(String(error)).toMatch(/takes \d+ bytes at least.*may take 5000/);
  });

  it('refuses widths and budgets that mean nothing', () => {
    expect(errorOf(() => new Pnn({ width: 0 }))).toMatchObject({ code: 'pnn-options' });
    expect(errorOf(() => new Pnn({ columnBytes: -1 }))).toMatchObject({ code: 'pnn-options' });
  });
});

describe('the sensitivity of laterals', () => {
  it('says for every layer which sources its answers hang on', async () => {
    const tasks = fewEach(3, 1000, 100);
    const { pnn, columns } = await learned(tasks);
    const { engine: _, task, ...column } = columns[1]!;
    const found = await lateralSensitivity(engine, { pnn, ...column }, task.train);
    expect(found.map(({ layer, source }) => `${layer} ${source}`)).toEqual([
      'dense1 own',
      'dense1 0',
      'dense1 1',
      'head own',
      'head 0',
    ]);
    for (const layer of ['dense1', 'head']) {
      const shares = found.filter((f) => f.layer === layer).map((f) => f.share);
      expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      expect(Math.min(...shares)).toBeGreaterThan(0);
    }
    // With 100 samples, the first task's features serve more than those that were learned anew.
    const share = (of: string) => found.find((f) => `${f.layer} ${f.source}` === of)!.share;
    expect(share('head 0')).toBeGreaterThan(share('head own'));

    const silenced = new Map(column.tensors);
    const up = silenced.get('dense1.lateral0.up')!;
    silenced.set('dense1.lateral0.up', { ...up, data: new Float32Array(up.data.length) });
    const without = await lateralSensitivity(engine, { pnn, ...column, tensors: silenced }, task.train);
    expect(without.find((f) => f.layer === 'dense1' && f.source === 0)!.share).toBe(0);
  });

  it('is the Fisher information of a small network, counted one sample and class at a time', async () => {
    const tasks = fewEach(2, 300, 100);
    const { pnn, columns } = await learned(tasks, { epochs: 2 });
    const { engine: _, task, ...column } = columns[0]!;
    const found = await lateralSensitivity(engine, { pnn, ...column }, task.train);
    // The head's sources are what it multiplies: d log p_y / d h = w_y - sum_c p_c w_c, with p from the head itself.
    const { features, own } = await featuresOf(column.context, column.tensors, pnn, task);
    const expected = headFisher(features, own, column.head);
    const shares = found.filter((f) => f.layer === 'head').map((f) => f.share);
    expect(shares[0]).toBeCloseTo(expected.own / (expected.own + expected.other), 4);
  });
});

/** Features of all training samples, and how many of them are the column's own. */
async function featuresOf(
  context: DescribedTask['context'],
  tensors: AdapterTensors,
  pnn: Pnn,
  task: SequenceTask,
): Promise<{ features: Float64Array[]; own: number }> {
  const b = new GraphBuilder();
  const { count, width } = task.train;
  const x = { dims: [count, width], data: new Float32Array(count * width) };
  for (let i = 0; i < count; i++) task.train.read(i, x.data, i * width);
  b.input(context.crown.latent, x.dims);
  const { features, vectors } = pnn.deploy(context, tensors, b, context.crown.latent);
  const [rowWidth, own] = [b.shape(features)[1]!, b.shape(vectors[0]!)[1]!];
  b.output(features);
  const program = await engine.compile(b.model());
  const { data } = (await program.run({ [context.crown.latent]: x }))[features]!;
  const rows = first(count).map((i) => Float64Array.from(data.subarray(i * rowWidth, (i + 1) * rowWidth)));
  await program.close();
  return { features: rows, own };
}

function headFisher(features: readonly Float64Array[], ownWidth: number, head: DescribedTask['head']) {
  const width = features[0]!.length;
  const classes = head.bias.length;
  const information = new Float64Array(width);
  for (const h of features) {
    const logits = first(classes).map((c) =>
      h.reduce((sum, v, m) => sum + v * head.weight[c * width + m]!, head.bias[c]!),
    );
    const most = Math.max(...logits);
    const total = logits.reduce((sum, l) => sum + Math.exp(l - most), 0);
    const p = logits.map((l) => Math.exp(l - most) / total);
    for (let m = 0; m < width; m++) {
      const w = (c: number) => head.weight[c * width + m]!;
      const mean = p.reduce((sum, pc, c) => sum + pc * w(c), 0);
      information[m]! += p.reduce((sum, pc, c) => sum + pc * (w(c) - mean) ** 2, 0) / features.length;
    }
  }
  const variance = (m: number) => {
    const mean = features.reduce((sum, h) => sum + h[m]!, 0) / features.length;
    return features.reduce((sum, h) => sum + (h[m]! - mean) ** 2, 0) / features.length;
  };
  const part = (from: number, until: number) =>
    first(until - from, from).reduce((sum, m) => sum + variance(m) * information[m]!, 0);
  return { own: part(0, ownWidth), other: part(ownWidth, width) };
}
