import type { Engine } from '../../engine/engine.js';
import { FineTuning } from '../isolation/fine-tuning.js';
import type { Rows } from '../network.js';
import { NoRegularization } from '../regularization/none.js';
import { NoReplay } from '../rehearsal/episodic-replay.js';
import type { Samples } from '../samples.js';
import type { Crown } from '../strategy.js';
import type { ContinualLearner, Holdings, SequenceOptions, SequenceProgress } from './continual-learner.js';
import { SharedNetwork } from './shared-network.js';
import type { SequenceTask } from './task.js';

/**
 * The upper reference: one network that is trained from the start on all tasks so far together, when it is first asked
 * after a task. It keeps every sample.
 */
export class Joint implements ContinualLearner {
  private readonly engine: Engine;
  private readonly crown: Crown;
  private readonly options: SequenceOptions;
  private readonly tasks: SequenceTask[] = [];
  private network: SharedNetwork | undefined;
  private report: (p: SequenceProgress) => void = () => {};

  constructor(engine: Engine, crown: Crown, options: SequenceOptions) {
    this.engine = engine;
    this.crown = crown;
    this.options = options;
  }

  async learn(task: SequenceTask, report: (p: SequenceProgress) => void = () => {}): Promise<void> {
    this.tasks.push(task);
    this.report = report;
    await this.network?.close();
    this.network = undefined;
  }

  async probabilities(samples: Samples, task?: number): Promise<Rows> {
    await this.ready();
    return this.network!.probabilities(samples, task);
  }

  async ready(): Promise<void> {
    this.network ??= await this.trained();
  }

  holdings(): Holdings {
    const { train } = this.tasks[0] ?? { train: { width: 0 } };
    const count = this.tasks.reduce((sum, t) => sum + t.train.count, 0);
    const parameters = this.network?.holdings().parameters ?? 0;
    return { parameters, state: 0, memory: 4 * count * train.width };
  }

  async close(): Promise<void> {
    await this.network?.close();
  }

  private async trained(): Promise<SharedNetwork> {
    const axes = {
      isolation: new FineTuning(this.options.rate),
      regularization: new NoRegularization(),
      rehearsal: new NoReplay(),
    };
    const network = await SharedNetwork.open(this.engine, this.crown, axes, this.options);
    await network.learnTogether(this.tasks, this.report);
    return network;
  }
}
