import type { Rows } from '../network.js';
import type { Samples } from '../samples.js';
import { openShared } from './axes.js';
import type { ContinualLearner, Holdings, SequenceOptions, SequenceProgress } from './continual-learner.js';
import type { MethodContext } from './settings.js';
import type { SharedNetwork } from './shared-network.js';
import type { SequenceTask } from './task.js';

/** A reference that only collects: when it is first asked after a task, a network is trained from the start. */
export abstract class TrainedWhenAsked implements ContinualLearner {
  protected readonly tasks: SequenceTask[] = [];
  private readonly context: MethodContext;
  private network: SharedNetwork | undefined;
  private report: (p: SequenceProgress) => void = () => {};

  /** @param options of the training */
  constructor({ engine, crown }: Pick<MethodContext, 'engine' | 'crown'>, options: SequenceOptions) {
    this.context = { engine, crown, options, settings: {} };
  }

  async learn(task: SequenceTask, report: (p: SequenceProgress) => void = () => {}): Promise<void> {
    this.collect(task, this.tasks.push(task) - 1);
    this.report = report;
    await this.close();
  }

  async probabilities(samples: Samples, task?: number): Promise<Rows> {
    await this.ready();
    return this.network!.probabilities(samples, task);
  }

  async ready(): Promise<void> {
    if (this.network) return;
    const network = await openShared({}, this.context);
    if (this.tasks.length > 0) await network.learnTogether(this.collected(), this.report);
    this.network = network;
  }

  holdings(): Holdings {
    const parameters = this.network?.holdings().parameters ?? 0;
    const width = this.tasks[0]?.train.width ?? 0;
    return { parameters, state: 0, memory: 4 * this.count * width };
  }

  async close(): Promise<void> {
    const { network } = this;
    this.network = undefined;
    await network?.close();
  }

  /** Takes what it wants of a new task. */
  protected abstract collect(task: SequenceTask, number: number): void;
  /** The tasks with the samples that were collected of each. */
  protected abstract collected(): SequenceTask[];
  /** Samples that were collected. */
  protected abstract readonly count: number;
}
