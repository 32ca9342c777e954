import { beforeAll, describe, expect, it } from 'vitest';
import { readMnist } from '../../../bench/continual/mnist.js';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { inOrder, permuted, samplesOf } from '../../../bench/continual/tasks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { Den, type DenOptions, type DenReport } from '../../../src/learn/isolation/den.js';
import { accuracyOf } from '../../../src/learn/sequence/continual-learner.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import { TaskNetworks } from '../../../src/learn/sequence/task-networks.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { Random } from '../../../src/random.js';
import { errorOf } from '../../error-of.js';

const engine = new OrtEngine();
const [training, testing] = [readMnist('train'), readMnist('test')];
const first = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

/** Digits with their pixels in orders of their own. */
function permutations(count: number): SequenceTask[] {
  const random = new Random(5);
  return first(count).map((t) => {
    const gather = t === 0 ? inOrder(784) : permuted(784, random);
    return {
      name: `order ${t}`,
      train: samplesOf(training, { indices: first(1000), gather }),
      test: samplesOf(testing, { indices: first(500), gather }),
      classes: first(10),
    };
  });
}

const small = mlp(784, [32, 24], 1);

async function learned(
  crown: Crown,
  tasks: readonly SequenceTask[],
  options: Partial<DenOptions> = {},
  { seed = 3, epochs = 12 } = {},
) {
  const learner = new TaskNetworks(
    engine,
    crown,
    new Den(options),
    { classes: 10, taskKnown: true, epochs, batch: 50, optimizer: 'adam', rate: 2e-3, seed, threads: 1 },
    { backboneFromFirst: false },
  );
  const after: number[][] = [];
  const answers: Float32Array[][] = [];
  for (const task of tasks) {
    await learner.learn(task);
    const rows = [];
    for (const t of first(after.length + 1)) rows.push(await learner.probabilities(tasks[t]!.test, t));
    after.push(rows.map((r, t) => accuracyOf(r, tasks[t]!.test.labels)));
    answers.push(rows.map((r) => r.data));
  }
  const reports = learner.reports() as unknown as DenReport[];
  const { parameters } = learner.holdings();
  await learner.close();
  return { after, answers, reports, parameters };
}

describe('DEN', () => {
  const two = permutations(2);
  let usual: Awaited<ReturnType<typeof learned>>;
  beforeAll(async () => {
    usual = await learned(small, two);
  });

  it('keeps the first task while it learns others, which it would not without splitting', async () => {
    const three = permutations(3);
    const den = await learned(small, three);
    // Without splitting, and with nothing that holds weights: units serve the newest task alone.
    const naive = await learned(small, three, { splitThreshold: 1e9, drift: 0 });
    const [before] = den.after[0]!;
    expect(before).toBeGreaterThan(0.8);
    expect(den.after[2]![0]).toBeGreaterThan(before! - 0.03);
    expect(den.after[2]![1]).toBeGreaterThan(0.75);
    expect(den.after[2]![2]).toBeGreaterThan(0.75);
    expect(naive.after[2]![0]).toBeLessThan(den.after[2]![0]! - 0.1);
    expect(naive.reports[2]!.split).toEqual([0, 0]);
  });

  it('tells what it did, and its network is of that size', () => {
    const { reports, parameters } = usual;
    const [one, other] = reports;
    expect(one!.units).toEqual([32, 24]);
    for (const l of [0, 1]) {
      expect(other!.units[l]).toBe(one!.units[l]! + other!.added[l]! + other!.split[l]!);
      expect(other!.added[l]! + other!.removed[l]!).toBe(10);
      expect(other!.selected[l]).toBeLessThanOrEqual(one!.units[l]!);
    }
    expect(other!.loss).toBeGreaterThan(0.01);
    const layers = (units: number[]) => 785 * units[0]! + (units[0]! + 1) * units[1]!;
    const heads = 10 * (one!.units[1]! + 1) + 10 * (other!.units[1]! + 1);
    expect(parameters).toBeLessThanOrEqual(4 * (layers(other!.units) + heads) + 8 * other!.units[0]! + 400);
  });

  it('adds nothing where the loss is under the threshold, and splits nothing that stays', async () => {
    const { reports } = await learned(small, two, { lossThreshold: 100, splitThreshold: 100 });
    expect(reports[1]).toMatchObject({ added: [0, 0], removed: [0, 0], split: [0, 0], units: [32, 24] });
  });

  it('answers an earlier task with its own units: where all are split, the same bits as before', async () => {
    const { answers, reports } = await learned(small, two, { drift: 0, splitThreshold: 0 });
    expect(reports[1]!.split).toEqual(reports[1]!.selected);
    expect(answers[1]![0]).toEqual(answers[0]![0]);
  });

  it('learns the same bits from the same seed, and others from another', async () => {
    const again = await learned(small, two);
    const other = await learned(small, two, {}, { seed: 4 });
    expect(again.answers).toEqual(usual.answers);
    expect(again.reports).toEqual(usual.reports);
    expect(other.answers).not.toEqual(usual.answers);
  });

  it('grows convolutions by filters', async () => {
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
      return { name: classes.join(), train: part(training, 400), test: part(testing, 400), classes };
    });
    const { after, reports } = await learned(convNet(28, 1), tasks, { lossThreshold: 0 }, { epochs: 6 });
    expect(after[0]![0]).toBeGreaterThan(0.97);
    expect(after[1]![0]).toBeGreaterThan(0.96);
    expect(after[1]![1]).toBeGreaterThan(0.9);
    expect(reports[1]!.added.some((a) => a > 0)).toBe(true);
  });

  it('refuses settings that mean nothing', () => {
    for (const options of [
      { l1: -1 },
      { expansion: 0.5 },
      { splitThreshold: Number.NaN },
      { shares: { selection: 0.5, retraining: 0.5, expansion: 0.5, splitting: 0.5 } },
    ]) {
      expect(errorOf(() => new Den(options))).toMatchObject({ code: 'den-options' });
    }
  });
});
