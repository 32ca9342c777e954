import { describe, expect, it } from 'vitest';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { NoRegularization } from '../../../src/learn/regularization/none.js';
import { dualOfProjection } from '../../../src/learn/rehearsal/gradient-projection.js';
import { batchInputs, blankBatch, fillBatch, ratesOf } from '../../../src/learn/sequence/batches.js';
import { ConstrainedSteps } from '../../../src/learn/sequence/constrained-steps.js';
import { withHead } from '../../../src/learn/sequence/headed.js';
import { sharedStep } from '../../../src/learn/sequence/shared-step.js';
import { Steps } from '../../../src/learn/steps.js';
import { Random } from '../../../src/random.js';
import { ENGINE, permutations, smallMlp } from './small.js';

const isolation = new FineTuning(0.1);
const regularization = new NoRegularization();
const crown = withHead(smallMlp(), 10, new Random(4));
const shape = { of: 'batch', rows: 10, shape: [784], classes: 10, masked: false };
const options = {
  ...{ classes: 10, masked: false, batch: 10, reference: 0 },
  ...{ optimizer: 'sgd' as const, choices: true },
};

function batchOf(of: string, rows: number, ...tasks: number[]) {
  const all = permutations(3, 100);
  const tensors = blankBatch({ ...shape, of, rows }, tasks.length);
  tasks.forEach((t, at) => {
    const { train } = all[t]!;
    const samples = Array.from({ length: rows }, (_, index) => ({
      samples: train,
      index,
      label: train.labels[index]!,
    }));
    fillBatch(tensors, { ...shape, of, rows }, at, samples);
  });
  return tensors;
}

async function constrained(dual: (gram: number[][], dots: number[]) => number[] | null) {
  const { parameters } = sharedStep(isolation, regularization, undefined, crown, options, new Random(1));
  const making = { engine: ENGINE, isolation, regularization, crown, options, dual, random: new Random(1) };
  return new ConstrainedSteps(making, parameters);
}

describe('constrained steps', () => {
  it('are those of plain gradient descent where nothing constrains them', async () => {
    const graph = sharedStep(isolation, regularization, undefined, crown, options, new Random(1));
    const plain = await Steps.compile(ENGINE, graph, {});
    const steps = await constrained(() => null);
    await steps.constrain({}, 0, 1);
    const each = { ...batchOf('batch', 10, 0, 1, 2), ...ratesOf([1, 1, 1]) };
    const [a, b] = [await plain.run(each), await steps.run(each)];
    expect(b.loss!.data).toEqual(a.loss!.data);
    for (const [name, value] of plain.values()) {
      const other = steps.values().get(name)!;
      value.forEach((v, i) => {
        expect(Math.abs(other[i]! - v)).toBeLessThan(1e-7);
      });
    }
    await Promise.all([plain.close(), steps.close()]);
  });

  it('are so, too, where no earlier task is against it: then no program is asked', async () => {
    let asked = 0;
    const steps = await constrained(() => {
      asked++;
      return null;
    });
    await steps.constrain(batchOf('memory', 10, 0), 1, 10);
    // The memory's own batch: its product with itself is a square.
    const agreeing = batchOf('batch', 10, 0);
    const before = await changeOf(agreeing);
    const start = copyOf(steps);
    await steps.run({ ...agreeing, ...ratesOf([1]) });
    expect(asked).toBe(0);
    expectChange(steps, start, (name, i) => before.get(name)![i]!);
    await steps.run({ ...opposed(agreeing), ...ratesOf([1]) });
    expect(asked).toBe(1);
    await steps.close();
  });

  it('follow a gradient that goes against no earlier task', async () => {
    // A batch of which half is against task 0 and half is of task 2, with the memories of tasks 0 and 1.
    let [gram, dots]: [number[][], number[]] = [[], []];
    let shares: number[] | null = null;
    const steps = await constrained((g, d) => {
      [gram, dots] = [g, d];
      shares = dualOfProjection(gram, dots, 0);
      return shares;
    });
    await steps.constrain(batchOf('memory', 10, 0, 1), 2, 10);
    const own = opposed(batchOf('batch', 10, 0));
    for (const [name, { data }] of Object.entries(batchOf('batch', 10, 2))) {
      own[name]!.data.set(data.subarray(data.length / 2), data.length / 2);
    }
    const changes = await Promise.all([own, batchOf('batch', 10, 0), batchOf('batch', 10, 1)].map(changeOf));
    const start = copyOf(steps);
    await steps.run({ ...own, ...ratesOf([1]) });
    expect(shares).not.toBeNull();
    expect(Math.max(...shares!)).toBeGreaterThan(0.1);
    // G (g + G'v) = G g + GG'v >= 0, and complementary slackness.
    dots.forEach((d, k) => {
      const after = d + gram[k]!.reduce((sum, p, j) => sum + p * shares![j]!, 0);
      expect(after).toBeGreaterThan(-1e-4 * Math.abs(d));
      expect(Math.abs(shares![k]! * after)).toBeLessThan(1e-4 * Math.abs(d) * (1 + shares![k]!));
    });
    expectChange(steps, start, (name, i) =>
      [1, ...shares!].reduce((sum, share, k) => sum + share * changes[k]!.get(name)![i]!, 0),
    );
    await steps.close();
  });

  it('tell the products of the gradients that the network has', async () => {
    let seen: { gram: number[][]; dots: number[] } | undefined;
    const steps = await constrained((gram, dots) => {
      seen = { gram, dots };
      return null;
    });
    // The own batch is against the first memory: its product with itself is the memory's square, below zero.
    await steps.constrain(batchOf('memory', 10, 0, 1), 2, 10);
    await steps.run({ ...opposed(batchOf('batch', 10, 0)), ...ratesOf([1]) });
    const { gram, dots } = seen!;
    expect(gram[0]![1]).toBeCloseTo(gram[1]![0]!, 5);
    expect(dots[0]! / gram[0]![0]!).toBeCloseTo(-1, 4);
    expect(dots[1]! / gram[0]![1]!).toBeCloseTo(-1, 4);
    expect(Object.keys(batchInputs('memory'))).toContain('open');
    await steps.close();
  });
});

/** A batch whose gradient is the opposite. */
function opposed(batch: ReturnType<typeof batchOf>): ReturnType<typeof batchOf> {
  const { targets } = batchInputs('batch');
  const { dims, data } = batch[targets]!;
  return { ...batch, [targets]: { dims, data: data.map((v) => -v) } };
}

const copyOf = (steps: ConstrainedSteps) =>
  new Map([...steps.values()].map(([name, v]) => [name, v.slice()]));

/** What a step of plain gradient descent on a batch adds to every value of the network. */
async function changeOf(batch: ReturnType<typeof batchOf>): Promise<Map<string, Float32Array>> {
  const graph = sharedStep(isolation, regularization, undefined, crown, options, new Random(1));
  const plain = await Steps.compile(ENGINE, graph, {});
  const before = new Map([...plain.values()].map(([name, v]) => [name, v.slice()]));
  await plain.run({ ...batch, ...ratesOf([1]) });
  const changes = new Map(
    [...plain.values()].map(([name, v]) => [name, v.map((x, i) => x - before.get(name)![i]!)]),
  );
  await plain.close();
  return changes;
}

function expectChange(
  steps: ConstrainedSteps,
  start: ReadonlyMap<string, Float32Array>,
  expected: (name: string, i: number) => number,
): void {
  let largest = 0;
  for (const [name, value] of steps.values()) {
    value.forEach((v, i) => {
      const change = v - start.get(name)![i]!;
      largest = Math.max(largest, Math.abs(change));
      expect(Math.abs(change - expected(name, i))).toBeLessThan(1e-6);
    });
  }
  // Steps of nothing would be alike, too.
  expect(largest).toBeGreaterThan(1e-3);
}
