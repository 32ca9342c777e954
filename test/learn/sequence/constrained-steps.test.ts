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
const options = { classes: 10, masked: false, batch: 10, reference: 0, optimizer: 'sgd' as const };

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

  it('follow a gradient that goes against no earlier task', async () => {
    // Learns task 2 with the memories of tasks 0 and 1; the products of the corrected gradient are worked out anew.
    let gram: number[][] = [];
    let dots: number[] = [];
    let shares: number[] | null = null;
    const steps = await constrained((g, d) => {
      // A step that would hurt both, whatever the network says: the program must answer.
      [gram, dots] = [g, d.map((x) => Math.min(x, -Math.abs(x)))];
      shares = dualOfProjection(gram, dots, 0);
      return shares;
    });
    await steps.constrain(batchOf('memory', 20, 0, 1), 2, 20);
    const before = new Map([...steps.values()].map(([name, v]) => [name, v.slice()]));
    await steps.run({ ...batchOf('batch', 10, 2), ...ratesOf([1]) });
    expect(shares).not.toBeNull();
    // G (g + G'v) = G g + GG'v >= 0, and complementary slackness.
    dots.forEach((d, k) => {
      const after = d + gram[k]!.reduce((sum, p, j) => sum + p * shares![j]!, 0);
      expect(after).toBeGreaterThan(-1e-4 * Math.abs(d));
      expect(shares![k]! * after).toBeLessThan(1e-4 * Math.abs(d) * (1 + shares![k]!));
    });
    const moved = [...steps.values()].some(([name, v]) => v.some((x, i) => x !== before.get(name)![i]));
    expect(moved).toBe(true);
    await steps.close();
  });

  it('tell the products of the gradients that the network has', async () => {
    let seen: { gram: number[][]; dots: number[] } | undefined;
    const steps = await constrained((gram, dots) => {
      seen = { gram, dots };
      return null;
    });
    // The own batch is the first memory's: its product with itself is the memory's square.
    await steps.constrain(batchOf('memory', 10, 0, 1), 2, 10);
    await steps.run({ ...batchOf('batch', 10, 0), ...ratesOf([1]) });
    const { gram, dots } = seen!;
    expect(gram[0]![1]).toBeCloseTo(gram[1]![0]!, 5);
    expect(dots[0]! / gram[0]![0]!).toBeCloseTo(1, 4);
    expect(dots[1]! / gram[0]![1]!).toBeCloseTo(1, 4);
    expect(Object.keys(batchInputs('memory'))).toContain('open');
    await steps.close();
  });
});
