import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { fromHalf, toHalf } from '../../onnx/float16.js';
import { Random } from '../../random.js';
import { type AdapterTensors, half, type StoredTensor } from '../adapter.js';
import { FineTuning, withTrained } from '../isolation/fine-tuning.js';
import { crownBytes } from '../isolation/layers.js';
import type { Rows } from '../network.js';
import type { Samples } from '../samples.js';
import type { Crown, Isolation, IsolationContext } from '../strategy.js';
import type {
  Holdings,
  KeptLearner,
  LearnerState,
  SequenceOptions,
  SequenceProgress,
  TaskNetworkParts,
  TaskReport,
} from './continual-learner.js';
import { fedBy, HEAD } from './headed.js';
import type { SequenceTask } from './task.js';
import { TaskPredictor } from './task-predictor.js';
import { type TaskHead, TaskTrainer, type TaskTraining } from './task-trainer.js';

/** What is kept of a task. */
export interface LearnedTask extends TaskNetworkParts {
  /** What the method tells of how it learned the task. */
  report?: TaskReport;
}

/** How an isolation learns a task where one training of its network is not all. */
export interface TaskLearning {
  trainer: TaskTrainer;
  context: IsolationContext;
  /** Earlier tasks, oldest first. */
  learned: readonly LearnedTask[];
  task: SequenceTask;
  number: number;
  report: (progress: SequenceProgress) => void;
}

/** An isolation that trains a task in phases of its own, or changes what earlier tasks left. */
export interface PhasedIsolation extends Pick<Isolation, 'name' | 'deploy' | 'sharedBytes' | 'figures'> {
  /** Learns a task; returns what is kept of every task, the new one last. */
  learn(learning: TaskLearning): Promise<LearnedTask[]>;
}

export interface TaskNetworksOptions {
  /**
   * Trains the whole crown on the first task, and freezes it then: what later tasks build on where there is no
   * pretrained backbone.
   */
  backboneFromFirst: boolean;
  schedule?: TaskTraining['schedule'];
  /** Tells of a task that was just learned on top of the crown. */
  describe?: (learned: DescribedTask) => Promise<TaskReport>;
}

/** A task that was just learned, for a report. */
export interface DescribedTask {
  engine: Engine;
  context: IsolationContext;
  tensors: AdapterTensors;
  head: TaskHead;
  task: SequenceTask;
}

/** Learns tasks one after the other, each with what an isolation strategy keeps apart for it, and a head of its own. */
export class TaskNetworks implements KeptLearner {
  private readonly trainer: TaskTrainer;
  private readonly isolation: Isolation | PhasedIsolation;
  private readonly settings: TaskNetworksOptions;
  private crown: Crown;
  private learned: LearnedTask[] = [];
  private readonly names: string[] = [];
  /** Deployed networks of tasks, compiled when they are first asked. */
  private readonly predictors = new Map<number, TaskPredictor>();

  constructor(
    engine: Engine,
    crown: Crown,
    isolation: Isolation | PhasedIsolation,
    options: SequenceOptions,
    settings: TaskNetworksOptions,
  ) {
    this.trainer = new TaskTrainer(engine, crown.latentShape, options, new Random(options.seed));
    this.crown = crown;
    this.isolation = isolation;
    this.settings = settings;
  }

  async learn(task: SequenceTask, report: (p: SequenceProgress) => void = () => {}): Promise<void> {
    const number = this.learned.length;
    this.names.push(task.name);
    const { isolation, trainer } = this;
    if ('learn' in isolation) {
      const { learned } = this;
      const context = { crown: this.crown, earlier: learned.map((l) => l.tensors) };
      const next = await isolation.learn({ trainer, context, learned, task, number, report });
      this.learned = trainer.options.precision === 'half' ? next.map(halved) : next;
      // Earlier tasks may have another network now.
      await this.forget();
      return;
    }
    if (number === 0 && this.settings.backboneFromFirst) {
      const whole = new FineTuning(this.trainer.options.rate);
      const { values, head } = await this.train(whole, task, number, report);
      this.crown = withTrained(this.crown, values);
      this.learned.push({ classes: task.classes, tensors: new Map(), head });
      return;
    }
    const { values, head } = await this.train(isolation, task, number, report);
    const context = this.context(number);
    const tensors = isolation.freeze(context, values);
    const { engine } = this.trainer;
    const told = await this.settings.describe?.({ engine, context, tensors, head, task });
    const kept = { classes: task.classes, tensors, head, ...(told && { report: told }) };
    this.learned.push(trainer.options.precision === 'half' ? halved(kept) : kept);
  }

  state(): LearnerState {
    const tensors: AdapterTensors = new Map();
    this.learned.forEach((task, k) => {
      for (const [name, tensor] of task.tensors) tensors.set(`${k}/${name}`, tensor);
      const { weight, bias } = task.head;
      const dims = [bias.length, weight.length / bias.length];
      tensors.set(`${k}/${HEAD}.weight`, { type: 'float', dims, data: weight });
      tensors.set(`${k}/${HEAD}.bias`, { type: 'float', dims: [bias.length], data: bias });
    });
    const tasks = this.learned.map(({ classes }, k) => ({ name: this.names[k]!, classes }));
    return { tasks, numbers: { random: this.trainer.random.position() }, tensors };
  }

  restore({ tasks, numbers, tensors }: LearnerState): void {
    this.names.push(...tasks.map((t) => t.name));
    this.learned = tasks.map(({ classes }, k) => {
      const prefix = `${k}/`;
      const own = [...tensors].filter(([name]) => name.startsWith(prefix));
      const named: AdapterTensors = new Map(own.map(([name, t]) => [name.slice(prefix.length), t]));
      const [weight, bias] = [named.get(`${HEAD}.weight`), named.get(`${HEAD}.bias`)];
      if (!weight || !bias) {
        throw new LichenError('learner-state-foreign', `what was kept has no head for task ${k}`);
      }
      named.delete(`${HEAD}.weight`);
      named.delete(`${HEAD}.bias`);
      return { classes, tensors: named, head: { weight: weight.data, bias: bias.data } };
    });
    this.trainer.random.resume(numbers.random!);
  }

  /** These methods rehearse nothing. */
  remember(): void {}

  networks(): readonly TaskNetworkParts[] {
    return this.learned.map(({ classes, tensors, head }) => ({ classes, tensors, head }));
  }

  async probabilities(samples: Samples, task?: number): Promise<Rows> {
    const learned = task === undefined ? undefined : this.learned[task];
    if (task === undefined || !learned) {
      throw new LichenError(
        'method-needs-task',
        `${this.isolation.name} keeps a network for every task and must be told which one to ask; ` +
          `there are tasks 0 to ${this.learned.length - 1}, and it was asked for ${task ?? 'none'}`,
      );
    }
    const { classes: all } = this.trainer.options;
    const found = await (await this.predictorOf(task, learned)).probabilities(samples);
    const rows: Rows = { data: new Float32Array(samples.count * all), count: samples.count, width: all };
    for (let row = 0; row < samples.count; row++) {
      learned.classes.forEach((label, place) => {
        rows.data[row * all + label] = found.data[row * found.width + place]!;
      });
    }
    return rows;
  }

  holdings(): Holdings {
    const adapters = this.learned.flatMap((l) => [...l.tensors.values()]).map(storedBytes);
    const heads = this.learned.map(({ head }) => 4 * (head.weight.length + head.bias.length));
    const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);
    const shared = this.isolation.sharedBytes?.(this.crown) ?? crownBytes(this.crown);
    return { parameters: shared + sum(adapters) + sum(heads), state: 0, memory: 0 };
  }

  reports(): (TaskReport | null)[] {
    return this.learned.map(({ tensors, report }, task) => {
      const layers = this.isolation.figures?.(this.context(task), tensors);
      if (!layers?.size) return report ?? null;
      return { ...report, layers: Object.fromEntries(layers) };
    });
  }

  async close(): Promise<void> {
    await this.forget();
  }

  private async forget(): Promise<void> {
    await Promise.all([...this.predictors.values()].map((p) => p.close()));
    this.predictors.clear();
  }

  /** What a task's network builds on. Columns of tasks before it, but not the first task's, where that is the crown. */
  private context(task: number): IsolationContext {
    const first = this.settings.backboneFromFirst ? 1 : 0;
    return { crown: this.crown, earlier: this.learned.slice(first, task).map((l) => l.tensors) };
  }

  private train(
    isolation: Isolation,
    task: SequenceTask,
    number: number,
    report: (p: SequenceProgress) => void,
  ) {
    const { earlier } = this.context(number);
    const { schedule } = this.settings;
    return this.trainer.train(
      {
        ...{ task, number },
        network: (input, batch) =>
          isolation.network({ crown: fedBy(this.crown, input), earlier }, batch, this.trainer.random),
        ...(schedule && { schedule }),
      },
      report,
    );
  }

  private async predictorOf(task: number, learned: LearnedTask): Promise<TaskPredictor> {
    const known = this.predictors.get(task);
    if (known) return known;
    const first = task === 0 && this.settings.backboneFromFirst && !('learn' in this.isolation);
    const isolation = first ? new FineTuning(0) : this.isolation;
    const { engine, options } = this.trainer;
    const predictor = await TaskPredictor.open(
      engine,
      isolation,
      this.context(task),
      learned,
      options.threads,
    );
    this.predictors.set(task, predictor);
    return predictor;
  }
}

/** A task with its numbers in half precision. Whole numbers, which may be places, stay as they are. */
function halved({ tensors, head, ...task }: LearnedTask): LearnedTask {
  const rounded = [...tensors].map(([name, t]): [string, StoredTensor] => [
    name,
    t.type === 'float' && !t.data.every(Number.isInteger) ? half(t.data, t.dims) : t,
  ]);
  const weight = fromHalf(toHalf(head.weight));
  return { ...task, tensors: new Map(rounded), head: { weight, bias: head.bias } };
}

function storedBytes({ type, data }: StoredTensor): number {
  if (type === 'bit') return Math.ceil(data.length / 8);
  return (type === 'half' ? 2 : 4) * data.length;
}
