import { describe, expect, it } from 'vitest';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import type { AdapterTensors } from '../../../src/learn/adapter.js';
import { deployModel } from '../../../src/learn/deploy.js';
import { Cpg, type CpgOptions } from '../../../src/learn/isolation/cpg.js';
import { ownership, widthsOf } from '../../../src/learn/isolation/cpg-weights.js';
import { Frozen } from '../../../src/learn/isolation/frozen.js';
import { growableLayers } from '../../../src/learn/isolation/widening.js';
import { TaskNetwork } from '../../../src/learn/network.js';
import { accuracyOf, type SequenceOptions } from '../../../src/learn/sequence/continual-learner.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import { TaskNetworks } from '../../../src/learn/sequence/task-networks.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { Random } from '../../../src/random.js';
import { layersOf } from '../sequence/small.js';
import { CODEC, patternSamples, smallCrown } from '../small-crown.js';
import { permutedTasks, splitTasks } from './mnist-tasks.js';

const engine = new OrtEngine();
const OPTIONS: SequenceOptions = {
  ...{
    classes: 40,
    taskKnown: true,
    epochs: 3,
    batch: 20,
    optimizer: 'adam',
    rate: 2e-3,
    seed: 1,
    threads: 1,
  },
};

/** Learns tasks; the predictions of every task after every task, and what the method says of its layers. */
async function learned(
  crown: Crown,
  tasks: readonly SequenceTask[],
  options: Partial<CpgOptions>,
  sequence: Partial<SequenceOptions> = {},
) {
  const cpg = new Cpg({ rate: 2e-3, channelRate: 2e-3, maskRate: 1e-3, ...options });
  const learner = new TaskNetworks(
    engine,
    crown,
    cpg,
    { ...OPTIONS, ...sequence },
    { backboneFromFirst: false },
  );
  try {
    const rows: Float32Array[][] = [];
    for (const [i, task] of tasks.entries()) {
      await learner.learn(task);
      const row: Float32Array[] = [];
      for (let t = 0; t <= i; t++) row.push((await learner.probabilities(tasks[t]!.test, t)).data);
      rows.push(row);
    }
    const accuracies = rows.at(-1)!.map((data, t) => {
      const { labels, count } = tasks[t]!.test;
      return accuracyOf({ data, count, width: data.length / count }, labels);
    });
    return { rows, accuracies, layers: layersOf(learner), bytes: learner.holdings().parameters };
  } finally {
    await learner.close();
  }
}

/** Prunes by halves, and trains enough after each. */
const COMPACTING = { release: 0.5, retrainEpochs: 2 };

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('CPG', () => {
  it('leaves the predictions of the first task as they are, bit by bit, after three more', async () => {
    const tasks = permutedTasks(4, 400, 200);
    const { rows, accuracies, layers, bytes } = await learned(mlp(784, [40, 40], 3), tasks, COMPACTING);
    for (let after = 1; after < 4; after++) expect(rows[after]![0]).toEqual(rows[0]![0]);
    expect(rows[3]![2]).toEqual(rows[2]![2]);
    expect(mean(accuracies)).toBeGreaterThan(0.6);
    // Later tasks find free weights, and pick among earlier ones.
    const last = layers[3]!.get('dense0')!;
    expect(last.own).toBeGreaterThan(0);
    expect(last.picked).toBeGreaterThan(0);
    // A bit a weight and task, a number for every weight that has an owner, biases and heads; and no crown beside them.
    const weights = { dense0: 784 * 40, dense1: 40 * 40 };
    let expected = 4 * 4 * (40 + 40 + 10 * 40 + 10);
    for (const [key, count] of Object.entries(weights)) {
      const owned = layers.reduce((sum, l) => sum + Math.round(l.get(key)!.own! * count), 0);
      expected += 4 * (count / 8) + 4 * owned;
    }
    expect(bytes).toBe(expected);
  });

  it('learns convolutions as well, and repeats bit by bit', async () => {
    const tasks = splitTasks(2, 120, 100);
    const run = () => learned(convNet(28, 3), tasks, { release: 0.7 }, { epochs: 2 });
    const [one, two] = [await run(), await run()];
    expect(one.rows[1]![0]).toEqual(one.rows[0]![0]);
    expect(mean(one.accuracies)).toBeGreaterThan(0.8);
    expect([...one.layers[1]!.keys()]).toEqual(['conv0', 'conv1', 'dense']);
    expect(one.layers[1]!.get('conv1')!.own).toBeGreaterThan(0);
    expect(two.rows).toEqual(one.rows);
  });

  it('needs what is released: without, later tasks have no weight to train', async () => {
    const tasks = permutedTasks(3, 400, 200);
    const compacted = await learned(mlp(784, [40], 3), tasks, COMPACTING);
    const full = await learned(mlp(784, [40], 3), tasks, { release: 0 });
    expect(full.layers[2]!.get('dense0')!.own).toBe(0);
    expect(mean(compacted.accuracies.slice(1))).toBeGreaterThan(mean(full.accuracies.slice(1)) + 0.03);
  });

  it('grows while the goal is missed, up to its most, and old tasks do not notice', async () => {
    const tasks = permutedTasks(2, 400, 200);
    const grown = await learned(mlp(784, [20, 20], 3), tasks, { goal: [0, 1], growth: 0.5 }, { epochs: 1 });
    expect(grown.layers[0]!.get('dense0')!.channels).toBe(20);
    expect(grown.layers[1]!.get('dense0')!.channels).toBeGreaterThan(20);
    expect(grown.layers[1]!.get('dense0')!.channels).toBeLessThanOrEqual(40);
    expect(grown.rows[1]![0]).toEqual(grown.rows[0]![0]);
  });

  it('does not grow where the goal is met, also when it is 0 or when nothing can be released', async () => {
    const tasks = splitTasks(2, 200, 100);
    // Every pruning misses a goal that is just what was reached.
    for (const options of [
      { goal: 0, release: 0 },
      { margin: 0, release: 0.99, mostKept: 1 },
    ]) {
      const { layers } = await learned(mlp(784, [20, 20], 3), tasks, options, { epochs: 1 });
      expect(layers.map((l) => l.get('dense0')!.channels)).toEqual([20, 20]);
    }
  });

  it.each([
    ['goal', { goal: 96.3 }],
    ['goal', { goal: 'best' as 'reached' }],
    ['heldOut', { heldOut: 0 }],
    ['release', { release: 1 }],
    ['mostKept', { mostKept: 0 }],
    ['growth', { growth: 0 }],
    ['mostWidth', { mostWidth: 0.5 }],
  ])('refuses a %s that makes no sense', (setting, options) => {
    expect(() => new Cpg(options)).toThrow(new RegExp(`cpg's ${setting} is .*; expected`));
  });
});

describe('CPG on a trained backbone', () => {
  const crown = smallCrown();
  const { latents } = patternSamples(8, 2, 3);
  const cpg = new Cpg({ pretrained: true, scales: true });

  async function features(isolation: Cpg | Frozen, tensors: AdapterTensors, earlier: AdapterTensors[] = []) {
    const model = deployModel(isolation, { crown, earlier }, { tensors });
    const network = await TaskNetwork.open(engine, model, CODEC);
    const { features } = await network.describe(latents);
    await network.close();
    return features.data;
  }

  const start = (isolation: Cpg, earlier: AdapterTensors[] = []) => {
    const { parameters } = isolation.network({ crown, earlier }, 1, new Random(2));
    return new Map(parameters.map((p) => [p.name, p.initial.slice()]));
  };

  it('starts as the backbone, owns nothing, and leaves depthwise layers alone', async () => {
    const values = start(cpg);
    expect([...values.keys()].some((name) => name.endsWith('.own') || name.startsWith('depthwise'))).toBe(
      false,
    );
    const tensors = cpg.freeze({ crown, earlier: [] }, values);
    expect(await features(cpg, tensors)).toEqual(await features(new Frozen(), new Map()));
    const { layers } = ownership({ crown, earlier: [tensors] }, true, widthsOf(tensors));
    for (const { owner } of layers.values()) expect(owner.every((o) => o === 1)).toBe(true);
  });

  it('widens layers that nothing else depends on, and what they feed', () => {
    expect([...growableLayers(crown)]).toEqual([
      ['expand', 32],
      ['head', 48],
    ]);
  });
});
