import { describe, expect, it } from 'vitest';
import { mlp } from '../../../bench/continual/networks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import type { PiggybackOptions } from '../../../src/learn/isolation/piggyback.js';
import { accuracyOf } from '../../../src/learn/sequence/continual-learner.js';
import { openMethod } from '../../../src/learn/sequence/methods.js';
import { layersOf } from '../sequence/small.js';
import { permutedTasks } from './mnist-tasks.js';

const engine = new OrtEngine();
const tasks = permutedTasks(3, 600, 200);

async function learned(piggyback: Partial<PiggybackOptions>) {
  const learner = await openMethod('piggyback', {
    engine,
    crown: mlp(784, [60], 3),
    options: {
      ...{
        classes: 30,
        taskKnown: true,
        epochs: 5,
        batch: 20,
        optimizer: 'adam',
        rate: 2e-3,
        seed: 1,
        threads: 1,
      },
    },
    settings: { piggyback },
  });
  try {
    const first: Float32Array[] = [];
    for (const task of tasks) {
      await learner.learn(task);
      first.push((await learner.probabilities(tasks[0]!.test, 0)).data);
    }
    const last = await learner.probabilities(tasks[2]!.test, 2);
    return { first, accuracy: accuracyOf(last, tasks[2]!.test.labels), layers: layersOf(learner) };
  } finally {
    await learner.close();
  }
}

describe('Piggyback in a sequence', () => {
  it('needs its masks: where they stand still, a head alone must do', async () => {
    const masks = await learned({ channels: false, maskRate: 1e-3 });
    const still = await learned({ channels: false, maskRate: 0 });
    expect(still.layers[2]!.get('dense0')).toEqual({ leftOut: 0 });
    expect(masks.layers[2]!.get('dense0')!.leftOut).toBeGreaterThan(0.05);
    expect(masks.accuracy).toBeGreaterThan(still.accuracy + 0.03);
  });

  it('leaves the first task’s predictions as they are, bit by bit, with ternary masks, too', async () => {
    const { first, accuracy } = await learned({ ternary: true, maskRate: 1e-3 });
    expect(first[1]).toEqual(first[0]);
    expect(first[2]).toEqual(first[0]);
    expect(accuracy).toBeGreaterThan(0.5);
  });
});
