import { describe, expect, it } from 'vitest';
import { convNet } from '../../../bench/continual/networks.js';
import type { Engine } from '../../../src/engine/engine.js';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { NoRegularization } from '../../../src/learn/regularization/none.js';
import { AverageGem } from '../../../src/learn/rehearsal/a-gem.js';
import { EpisodicReplay, NoReplay } from '../../../src/learn/rehearsal/episodic-replay.js';
import { Gem } from '../../../src/learn/rehearsal/gem.js';
import { Reservoir } from '../../../src/learn/sequence/episodic-memory.js';
import type { SequenceRehearsal } from '../../../src/learn/sequence/rehearsal.js';
import { SharedNetwork } from '../../../src/learn/sequence/shared-network.js';
import type { Model } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import { ENGINE, learnAll, mean, OPTIONS, pairs, permutations, smallMlp } from './small.js';

const open = (rehearsal: SequenceRehearsal, options = OPTIONS, crown = smallMlp(), engine: Engine = ENGINE) =>
  SharedNetwork.open(
    engine,
    crown,
    { isolation: new FineTuning(options.rate), regularization: new NoRegularization(), rehearsal },
    options,
  );

/** Accuracy on the tasks before the last, after the last. */
const kept = async (rehearsal: SequenceRehearsal, options = OPTIONS) =>
  mean((await learnAll(await open(rehearsal, options), pairs(4))).slice(0, -1));

describe('rehearsal in a sequence', () => {
  it('keeps what a network without memory forgets', async () => {
    const without = await kept(new NoReplay());
    const er = await kept(new EpisodicReplay(new Reservoir(200, new Random(2)), 10));
    const averageGem = await kept(new AverageGem(60, 60));
    const gem = await kept(new Gem({ each: 60, margin: 0.5 }));
    // Each method without its essential step: the memory is there, but nothing is done with it.
    const unread = new EpisodicReplay(new Reservoir(200, new Random(2)), 10);
    unread.recall = () => [[]];
    const undirected = new AverageGem(60, 60);
    undirected.direction.correct = (_, found) => new Map(found);
    const unprojected = new Gem({ each: 60, margin: 0.5 });
    unprojected.constraints.dual = () => null;
    expect(er).toBeGreaterThan((await kept(unread)) + 0.5);
    expect(averageGem).toBeGreaterThan((await kept(undirected)) + 0.1);
    expect(gem).toBeGreaterThan((await kept(unprojected)) + 0.6);
    expect(gem).toBeGreaterThan(without + 0.6);
    expect(gem).toBeGreaterThan(averageGem);
  }, 300_000);

  it.each([
    {
      name: 'A-GEM',
      make: () => new AverageGem(40, 40),
      undo: (of: AverageGem | Gem) => {
        (of as AverageGem).direction.correct = (_, found) => new Map(found);
      },
    },
    {
      name: 'GEM',
      make: () => new Gem({ each: 40, margin: 0.5 }),
      undo: (of: AverageGem | Gem) => {
        (of as Gem).constraints.dual = () => null;
      },
    },
  ])(
    'of $name leaves out work that changes nothing: an engine without branches comes to the same',
    async ({ make, undo }) => {
      const loopless: Engine = {
        ...{ name: 'loopless', version: '1', loops: false },
        compile: (model, options) => {
          const branches = (model as Model).graph.nodes.filter((n) => n.op === 'If' || n.op === 'Loop');
          expect(branches).toEqual([]);
          return ENGINE.compile(model, options);
        },
      };
      const values = async (engine: Engine, corrected = true) => {
        const rehearsal = make();
        if (!corrected) undo(rehearsal);
        const learner = await open(rehearsal, { ...OPTIONS, epochs: 1 }, smallMlp(), engine);
        for (const task of pairs(2, 60)) await learner.learn(task);
        const found = [...learner.values().values()].flatMap((v) => [...v]);
        await learner.close();
        return found;
      };
      const [some, all, none] = [await values(ENGINE), await values(loopless), await values(ENGINE, false)];
      const apart = (p: readonly number[]) => Math.max(...some.map((v, i) => Math.abs(v - p[i]!)));
      expect(apart(all)).toBeLessThan(1e-4);
      // The second task goes against the first.
      expect(apart(none)).toBeGreaterThan(1e-2);
    },
    120_000,
  );

  it('repeats bit for bit, and another seed differs', async () => {
    const values = async (seed: number) => {
      const options = { ...OPTIONS, seed };
      const learner = await open(new EpisodicReplay(new Reservoir(50, new Random(seed)), 10), options);
      for (const task of permutations(2, 100)) await learner.learn(task);
      const found = [...learner.values().values()].map((v) => Array.from(v));
      await learner.close();
      return found;
    };
    const first = await values(1);
    expect(await values(1)).toEqual(first);
    expect(await values(2)).not.toEqual(first);
  }, 120_000);

  it('takes any network that the engine can train, and either optimizer', async () => {
    const options = { ...OPTIONS, taskKnown: true, optimizer: 'adam' as const, rate: 2e-3, epochs: 3 };
    for (const rehearsal of [
      new EpisodicReplay(new Reservoir(60, new Random(2)), 10),
      new AverageGem(40, 40),
      new Gem({ total: 60, margin: 0.5 }),
    ]) {
      const learner = await open(rehearsal, options, convNet(28, 1));
      const found = await learnAll(learner, pairs(3), true);
      expect(Math.min(...found)).toBeGreaterThan(0.85);
    }
  }, 300_000);
});
