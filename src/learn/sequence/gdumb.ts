import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { Random } from '../../random.js';
import { subset } from '../samples.js';
import type { Crown } from '../strategy.js';
import type { SequenceOptions, SequenceProgress } from './continual-learner.js';
import { GDUMB_DEFAULTS, type GdumbOptions } from './gdumb-options.js';
import { GreedyBalance } from './greedy-balance.js';
import type { SequenceTask } from './task.js';
import { TrainedWhenAsked } from './trained-when-asked.js';

/**
 * GDumb (Prabhu, Torr & Dokania 2020): it only collects samples, and when it is asked trains a network from the start on
 * what it has. What falls behind it learns nothing from all the samples that it does not remember.
 */
export class Gdumb extends TrainedWhenAsked {
  private readonly memory: GreedyBalance;
  private readonly random: Random;

  /** @throws LichenError `gdumb-options` without room for a sample */
  constructor(engine: Engine, crown: Crown, options: SequenceOptions, settings: Partial<GdumbOptions> = {}) {
    const { memory, ...training } = { ...GDUMB_DEFAULTS, ...settings };
    if (!(Number.isInteger(memory) && memory > 0)) {
      throw new LichenError('gdumb-options', `GDumb needs a memory of at least one sample, got ${memory}`);
    }
    super({ engine, crown }, { ...options, ...training });
    this.random = new Random(options.seed + 7919);
    this.memory = new GreedyBalance(memory, this.random);
  }

  override async learn(task: SequenceTask, report?: (p: SequenceProgress) => void): Promise<void> {
    if (task.train.count === 0) {
      throw new LichenError('learn-no-samples', `task '${task.name}' has no sample to learn from`);
    }
    await super.learn(task, report);
  }

  protected collect({ train }: SequenceTask, task: number): void {
    const order = this.random.shuffle(Array.from({ length: train.count }, (_, i) => i));
    for (const index of order) this.memory.offer({ task, index, label: train.labels[index]! });
  }

  protected collected(): SequenceTask[] {
    return this.tasks.map((task, number) => ({
      ...task,
      train: subset(
        task.train,
        this.memory.entries.filter((e) => e.task === number).map((e) => e.index),
      ),
    }));
  }

  protected get count(): number {
    return this.memory.entries.length;
  }
}
