import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { Random } from '../../random.js';
import { FineTuning } from '../isolation/fine-tuning.js';
import type { Rows } from '../network.js';
import { NoRegularization } from '../regularization/none.js';
import { NoReplay } from '../rehearsal/episodic-replay.js';
import { type Samples, subset } from '../samples.js';
import type { Crown } from '../strategy.js';
import type { ContinualLearner, Holdings, SequenceOptions, SequenceProgress } from './continual-learner.js';
import { GreedyBalance } from './greedy-balance.js';
import { SharedNetwork } from './shared-network.js';
import type { SequenceTask } from './task.js';

export interface GdumbOptions {
  /** Remembered samples in all. */
  memory: number;
  epochs: number;
  batch: number;
  optimizer: SequenceOptions['optimizer'];
  rate: number;
}

/** A training that fits a few hundred samples; the paper's own is for its networks and a schedule of the rate. */
export const GDUMB_DEFAULTS: GdumbOptions = {
  memory: 500,
  epochs: 30,
  batch: 16,
  optimizer: 'adam',
  rate: 1e-3,
};

/**
 * GDumb (Prabhu, Torr & Dokania 2020): it only collects samples, and when it is asked trains a network from the start on
 * what it has. What falls behind it learns nothing from all the samples that it does not remember.
 */
export class Gdumb implements ContinualLearner {
  private readonly engine: Engine;
  private readonly crown: Crown;
  private readonly options: SequenceOptions;
  private readonly settings: GdumbOptions;
  private readonly memory: GreedyBalance;
  private readonly random: Random;
  private readonly tasks: SequenceTask[] = [];
  private network: SharedNetwork | undefined;
  private report: (p: SequenceProgress) => void = () => {};

  /** @throws LichenError `gdumb-options` without room for a sample */
  constructor(engine: Engine, crown: Crown, options: SequenceOptions, settings: Partial<GdumbOptions> = {}) {
    this.engine = engine;
    this.crown = crown;
    this.settings = { ...GDUMB_DEFAULTS, ...settings };
    const { memory, epochs, batch, optimizer, rate } = this.settings;
    if (!(Number.isInteger(memory) && memory > 0)) {
      throw new LichenError('gdumb-options', `GDumb needs a memory of at least one sample, got ${memory}`);
    }
    this.options = { ...options, epochs, batch, optimizer, rate };
    this.random = new Random(options.seed + 7919);
    this.memory = new GreedyBalance(memory, this.random);
  }

  async learn(task: SequenceTask, report: (p: SequenceProgress) => void = () => {}): Promise<void> {
    if (task.train.count === 0) {
      throw new LichenError('learn-no-samples', `task '${task.name}' has no sample to learn from`);
    }
    const number = this.tasks.push(task) - 1;
    const order = this.random.shuffle(Array.from({ length: task.train.count }, (_, i) => i));
    for (const index of order) this.memory.offer({ task: number, index, label: task.train.labels[index]! });
    this.report = report;
    await this.close();
  }

  async probabilities(samples: Samples, task?: number): Promise<Rows> {
    await this.ready();
    return this.network!.probabilities(samples, task);
  }

  async ready(): Promise<void> {
    this.network ??= await this.trained();
  }

  holdings(): Holdings {
    const parameters = this.network?.holdings().parameters ?? 0;
    const width = this.tasks[0]?.train.width ?? 0;
    return { parameters, state: 0, memory: 4 * this.memory.entries.length * width };
  }

  async close(): Promise<void> {
    const { network } = this;
    this.network = undefined;
    await network?.close();
  }

  /** A network that knows what the memory holds; nothing yet before the first task. */
  private async trained(): Promise<SharedNetwork> {
    const { engine, crown, options, tasks } = this;
    const isolation = new FineTuning(options.rate);
    const axes = { isolation, regularization: new NoRegularization(), rehearsal: new NoReplay() };
    const network = await SharedNetwork.open(engine, crown, axes, options);
    const remembered = tasks.map((task, number) => ({
      ...task,
      train: subset(
        task.train,
        this.memory.entries.filter((e) => e.task === number).map((e) => e.index),
      ),
    }));
    if (tasks.length > 0) await network.learnTogether(remembered, this.report);
    return network;
  }
}
