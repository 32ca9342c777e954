import { describe, expect, it } from 'vitest';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { Vcl, type VclOptions } from '../../../src/learn/regularization/vcl.js';
import { NoReplay } from '../../../src/learn/rehearsal/episodic-replay.js';
import { accuracyOf, type SequenceOptions } from '../../../src/learn/sequence/continual-learner.js';
import { SharedNetwork } from '../../../src/learn/sequence/shared-network.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { errorOf, rejectionOf } from '../../error-of.js';
import { digitPairs, PIXELS, permutedDigits, SIDE } from '../sequence/mnist-tasks.js';

const OPTIONS: SequenceOptions = {
  ...{ classes: 10, taskKnown: false, epochs: 20, batch: 100, optimizer: 'adam', rate: 3e-3, seed: 1 },
  threads: 1,
};

/** Learns the tasks, and gives back what it makes of them. */
async function learned<T>(
  tasks: readonly SequenceTask[],
  vcl: Vcl,
  options: SequenceOptions,
  crown: Crown,
  use: (network: SharedNetwork, accuracies: number[]) => Promise<T> | T,
): Promise<T> {
  const axes = {
    isolation: new FineTuning(options.rate),
    regularization: vcl,
    rehearsal: new NoReplay(),
  };
  const network = await SharedNetwork.open(new OrtEngine(), crown, axes, options);
  try {
    for (const task of tasks) await network.learn(task);
    const accuracies: number[] = [];
    for (const [i, { test }] of tasks.entries()) {
      const rows = await network.probabilities(test, options.taskKnown ? i : undefined);
      accuracies.push(accuracyOf(rows, test.labels));
    }
    return await use(network, accuracies);
  } finally {
    await network.close();
  }
}

const vclOf = (options: Partial<VclOptions>, sequence: SequenceOptions) => new Vcl(options, sequence);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** VCL whose prior stays the first one: what a task left is not handed on. */
class WithoutHandingOn extends Vcl {
  override afterTask(): void {}
}

describe('variational continual learning', () => {
  const crown = () => mlp(PIXELS, [50, 50], 1);

  it('remembers permuted digits by its essential step, the posterior as next prior: without it the figure falls', async () => {
    const tasks = permutedDigits(3, 1500, 500);
    const accuracy = (vcl: Vcl) => learned(tasks, vcl, OPTIONS, crown(), (_, all) => mean(all));
    const whole = await accuracy(vclOf({}, OPTIONS));
    const without = await accuracy(new WithoutHandingOn({}, OPTIONS));
    expect(whole).toBeGreaterThan(0.75);
    expect(without).toBeLessThan(whole - 0.05);
  });

  it('answers earlier tasks better with a coreset, which it does not train on', async () => {
    const options = { ...OPTIONS, epochs: 10 };
    const tasks = permutedDigits(4, 1500, 500);
    const accuracy = (coreset: number) =>
      learned(tasks, vclOf({ coreset }, options), options, crown(), (network, all) => {
        expect(network.holdings().memory).toBe(4 * tasks.length * coreset * PIXELS);
        return mean(all.slice(0, -1));
      });
    expect(await accuracy(100)).toBeGreaterThan((await accuracy(0)) + 0.02);
  });

  it('leaves the coreset out of what it trains on, and its own values as they are when it answers', async () => {
    const options = { ...OPTIONS, epochs: 1 };
    const vcl = vclOf({ coreset: 30, selection: 'k-center' }, options);
    await learned(permutedDigits(2, 300, 50), vcl, options, crown(), async (network) => {
      const train = await vcl.beforeTask(network);
      expect(train.count).toBe(270);
      const before = new Map([...network.values()].map(([name, v]) => [name, v.slice()]));
      const fitted = await vcl.valuesFor(network);
      expect(network.values()).toEqual(before);
      expect(fitted).not.toEqual(before);
    });
  });

  it('learns heads apart, also with convolutions, and repeats to the bit', async () => {
    const options = { ...OPTIONS, taskKnown: true, epochs: 2, batch: 20 };
    const once = () =>
      learned(
        digitPairs(2, 2000, 200, true),
        vclOf({ coreset: 20, draws: 3 }, options),
        options,
        convNet(SIDE / 2, 1),
        async (network, all) => {
          // The rows of heads that no task had yet are where they began.
          const logVariance = network.values().get('lichen:head.bias.logvar')!;
          expect([...logVariance.slice(4)]).toEqual(new Array(6).fill(-6));
          expect(logVariance[0]).not.toBe(-6);
          expect(network.holdings().state).toBe(network.holdings().parameters);
          return all;
        },
      );
    const all = await once();
    expect(Math.min(...all)).toBeGreaterThan(0.85);
    expect(await once()).toEqual(all);
  });

  it('says what it cannot work with', async () => {
    expect(errorOf(() => vclOf({ draws: 0 }, OPTIONS)).code).toBe('vcl-options');
    expect(errorOf(() => vclOf({ coreset: 1.5 }, OPTIONS)).code).toBe('vcl-options');
    const tasks = permutedDigits(1, 100, 10);
    const vcl = vclOf({ coreset: 100 }, OPTIONS);
    const error = await rejectionOf(learned(tasks, vcl, OPTIONS, crown(), () => {}));
    expect(error.code).toBe('vcl-coreset');
    expect(error.message).toContain('coreset of 100');
  });
});
