import { adamRate } from '../../autodiff/optimizer.js';
import type { Engine, FloatTensor } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { fromHalf, toHalf } from '../../onnx/float16.js';
import { sizeOf } from '../../onnx/model.js';
import { Random } from '../../random.js';
import type { AdapterTensors } from '../adapter.js';
import type { Rows } from '../network.js';
import { joined as joinedSamples, type Samples } from '../samples.js';
import { Steps } from '../steps.js';
import type { Crown, Isolation, Parameter } from '../strategy.js';
import {
  type BatchShape,
  BatchTensors,
  blankBatch,
  bytesOf,
  drawNoise,
  fillBatch,
  ratesOf,
  type Sample,
} from './batches.js';
import { ConstrainedSteps } from './constrained-steps.js';
import type {
  Holdings,
  KeptLearner,
  LearnerState,
  SequenceOptions,
  SequenceProgress,
  TaskNetworkParts,
} from './continual-learner.js';
import type { Remembered } from './episodic-memory.js';
import { runEpochs, type Stepper } from './epochs.js';
import { HEAD, withHead } from './headed.js';
import { Predictor } from './predictor.js';
import type { SequenceRehearsal } from './rehearsal.js';
import { MEMORY_ROWS, RememberedTable } from './remembered-table.js';
import type { SequenceRegularization, SharedState } from './shared-state.js';
import { sharedStep } from './shared-step.js';
import type { SequenceTask } from './task.js';

/** One choice on each axis, for tasks that share one network. */
export interface SharedAxes {
  /** What of the network is trained. */
  isolation: Isolation;
  regularization: SequenceRegularization;
  rehearsal: SequenceRehearsal;
}

/** Of tasks that are known by their classes alone. */
const NO_SAMPLES: Samples = { count: 0, width: 0, labels: [], read: () => {} };

type Noise = ReadonlyMap<string, readonly number[]>;

/** What `open` makes. */
interface Made extends Pick<SharedState, 'isolation' | 'crown' | 'parameters' | 'random'> {
  stepper: Stepper;
  alone: Stepper | undefined;
  noise: Noise;
}

/** Learns tasks one after the other with one network for all of them. */
export class SharedNetwork implements KeptLearner, SharedState {
  readonly engine: Engine;
  readonly isolation: Isolation;
  readonly crown: Crown;
  readonly parameters: readonly Parameter[];
  readonly options: SequenceOptions;
  readonly random: Random;
  readonly tasks: SequenceTask[] = [];
  private readonly axes: SharedAxes;
  private readonly stepper: Stepper;
  /** Takes the steps while nothing is remembered that could correct them. */
  private readonly alone: Stepper | undefined;
  /** Compiled when it is first asked. */
  private predictor: Promise<Predictor> | undefined;
  private readonly noise: Noise;
  /** For every task, the samples that it was trained on: memories point into them. */
  private readonly trained: Samples[] = [];
  /** What runs of steps are fed. */
  private readonly batches: BatchTensors;
  private step = 0;
  /** What steps recall of earlier tasks, where its gradient corrects theirs. */
  private remembered: RememberedTable | undefined;

  private constructor(engine: Engine, axes: SharedAxes, options: SequenceOptions, made: Made) {
    this.engine = engine;
    this.axes = axes;
    this.options = options;
    this.isolation = made.isolation;
    this.crown = made.crown;
    this.parameters = made.parameters;
    this.random = made.random;
    this.stepper = made.stepper;
    this.alone = made.alone;
    this.noise = made.noise;
    this.batches = new BatchTensors(this.shape('batch', options.batch + joined(axes.rehearsal)));
  }

  /** Builds and compiles everything. */
  static async open(
    engine: Engine,
    crown: Crown,
    axes: SharedAxes,
    options: SequenceOptions,
  ): Promise<SharedNetwork> {
    const { regularization, rehearsal } = axes;
    const { batch, optimizer, threads, classes, seed, headInitializer } = options;
    const masked = hasMask(axes, options);
    const random = new Random(seed);
    const headed = withHead(crown, classes, random, headInitializer);
    const isolation = regularization.over?.(axes.isolation) ?? axes.isolation;
    const { direction } = rehearsal;
    const rows = { batch: batch + joined(rehearsal), reference: direction ? rehearsal.rows : 0 };
    const shape = { ...rows, classes, masked, choices: engine.loops, optimizer };
    const graph = sharedStep(isolation, regularization, direction, headed, shape, random);
    const { constraints } = rehearsal;
    const making = { engine, isolation, regularization, crown: headed, random };
    const stepOptions = { ...shape, ...(threads !== undefined && { threads }) };
    const stepper = constraints
      ? new ConstrainedSteps({ ...making, options: stepOptions, dual: constraints.dual }, graph.parameters)
      : await Steps.compile(engine, graph, { threads });
    const along = direction && stepper instanceof Steps ? stepper : undefined;
    // Draws of its own: where the parameters begin is drawn already.
    const uncorrected = () =>
      sharedStep(isolation, regularization, undefined, headed, shape, new Random(seed));
    const alone = along && (await Steps.compile(engine, uncorrected(), { threads, along }));
    const { parameters, noise } = graph;
    const made = { isolation, crown: headed, parameters, random, stepper, alone, noise };
    return new SharedNetwork(engine, axes, options, made);
  }

  values(): Map<string, Float32Array> {
    return this.stepper.values();
  }

  async learn(task: SequenceTask, report: (p: SequenceProgress) => void = () => {}): Promise<void> {
    const { regularization } = this.axes;
    const number = this.tasks.push(task) - 1;
    const train = (await regularization.beforeTask?.(this)) ?? task.train;
    this.trained.push(train);
    await this.train(train, () => number, number, report);
    this.round();
    await regularization.afterTask?.(this);
    this.round();
  }

  state(): LearnerState {
    const { precision, tasks } = { precision: this.options.precision, tasks: this.tasks };
    const type = precision === 'half' ? 'half' : 'float';
    const tensors: AdapterTensors = new Map();
    for (const [name, { dims, data }] of this.keptTensors()) tensors.set(name, { type, dims, data });
    return {
      tasks: tasks.map(({ name, classes }) => ({ name, classes })),
      numbers: { random: this.random.position(), step: [this.step] },
      tensors,
    };
  }

  /**
   * Rows of the head are classes, and come first in every tensor of the head: those that the state has not keep their
   * start. What another method kept is passed over.
   */
  restore({ tasks, numbers, tensors }: LearnerState): void {
    for (const [name, { dims, data }] of this.keptTensors()) {
      const stored = tensors.get(name);
      if (!stored) continue;
      const fits =
        stored.dims.length === dims.length &&
        stored.dims.every(
          (d, axis) => d === dims[axis] || (axis === 0 && name.includes(`${HEAD}.`) && d < dims[0]!),
        );
      if (!fits) {
        throw new LichenError(
          'learner-state-foreign',
          `what was kept of '${name}' is [${stored.dims}], and this network has [${dims}]: it is of another network`,
        );
      }
      data.set(stored.data);
    }
    for (const { name, classes } of tasks) {
      this.tasks.push({ name, classes, train: NO_SAMPLES, test: NO_SAMPLES });
      this.trained.push(NO_SAMPLES);
    }
    this.random.resume(numbers.random!);
    this.step = numbers.step![0]!;
    if (tasks.length > 0) this.axes.regularization.restored?.(this);
  }

  remember(samples: readonly Samples[]): void {
    samples.forEach((of, task) => {
      this.trained[task] = of;
    });
    this.axes.rehearsal.remember?.(
      samples.map(({ count, labels }, task) =>
        Array.from({ length: count }, (_, index) => ({ task, index, label: labels[index]! })),
      ),
    );
  }

  networks(): TaskNetworkParts[] {
    const { isolation } = this.axes;
    const tensors = isolation.freeze({ crown: this.crown, earlier: [] }, this.values());
    const [weight, bias] = [tensors.get(`${HEAD}.weight`)!, tensors.get(`${HEAD}.bias`)!];
    tensors.delete(`${HEAD}.weight`);
    tensors.delete(`${HEAD}.bias`);
    const width = weight.dims[1]!;
    return this.tasks.map(({ classes }) => ({
      ...{ classes, tensors },
      head: {
        weight: Float32Array.from(
          classes.flatMap((c) => [...weight.data.subarray(c * width, (c + 1) * width)]),
        ),
        bias: Float32Array.from(classes, (c) => bias.data[c]!),
      },
    }));
  }

  /** Learns some tasks at once, as if they were one. */
  async learnTogether(
    tasks: readonly SequenceTask[],
    report: (p: SequenceProgress) => void = () => {},
  ): Promise<void> {
    this.tasks.push(...tasks);
    const taskOf = tasks.flatMap((t, k) => Array.from({ length: t.train.count }, () => k));
    await this.train(joinedSamples(tasks.map((t) => t.train)), (i) => taskOf[i]!, tasks.length - 1, report);
  }

  private async train(
    train: Samples,
    taskOf: (index: number) => number,
    number: number,
    report: (p: SequenceProgress) => void,
  ): Promise<void> {
    const { regularization, rehearsal } = this.axes;
    const { epochs, batch, stepsAtOnce, freshOptimizer } = this.options;
    if (freshOptimizer) {
      this.step = 0;
      this.stepper.resetOptimizer();
    }
    if (this.stepper instanceof ConstrainedSteps) await this.constrain(this.stepper, number);
    // What is remembered of earlier tasks stands still while this one is learned.
    const recalls = rehearsal.direction && rehearsal.recall(number, new Random(0)).flat().length > 0;
    this.remembered = recalls ? new RememberedTable(this.shape('memory', rehearsal.rows)) : undefined;
    const rows = batch + joined(rehearsal);
    const steps = epochs * Math.ceil(train.count / batch);
    const { schedule = () => 1 } = this.options;
    let taken = 0;
    const factor = () => schedule(taken++ / steps);
    await runEpochs(
      recalls ? this.stepper : (this.alone ?? this.stepper),
      { count: train.count, epochs, batch, stepsAtOnce, stepBytes: bytesOf(this.shape('batch', rows)) },
      {
        feed: async (batches, epoch) => ({
          ...(await this.feed(train, taskOf, number, batches, epoch)),
          ...this.rates(batches.map(factor)),
        }),
        constants: () => ({ ...regularization.inputs?.(), ...this.remembered?.tables() }),
        onSteps: (progress) => report({ task: number, ...progress }),
        afterEpoch: (epoch) => regularization.afterEpoch?.(this, epoch),
      },
      this.random,
    );
  }

  async probabilities(samples: Samples, task?: number): Promise<Rows> {
    const { regularization } = this.axes;
    if (this.options.taskKnown && task === undefined) {
      throw new LichenError(
        'method-needs-task',
        "this network was trained with the task known, so it must be told the samples' task; say `taskKnown: false` to do without",
      );
    }
    const values = (await regularization.valuesFor?.(this, task)) ?? this.values();
    const draws = regularization.draws ?? 1;
    this.predictor ??= Predictor.open(
      this.engine,
      this.isolation,
      this.crown,
      this.random,
      this.options.threads,
    );
    const predictor = await this.predictor;
    return predictor.probabilities(samples, values, this.openOf(task), draws, this.random);
  }

  holdings(): Holdings {
    const { regularization, rehearsal } = this.axes;
    const count = this.parameters.reduce((sum, p) => sum + p.initial.length, 0);
    const remembered = rehearsal.count + (regularization.count ?? 0);
    return {
      parameters: 4 * count,
      state: (regularization.stateBytes?.() ?? 0) + (rehearsal.stateBytes?.() ?? 0),
      memory: 4 * remembered * sizeOf(this.crown.latentShape),
    };
  }

  methodReport(): Record<string, number> {
    return this.axes.regularization.methodReport?.() ?? {};
  }

  async close(): Promise<void> {
    const predictor = await this.predictor;
    const closing = [this.stepper.close(), this.alone?.close(), predictor?.close()];
    await Promise.all([...closing, this.axes.rehearsal.close?.()]);
  }

  /** Parameters and what the regularization keeps, by name: live. */
  private keptTensors(): [string, FloatTensor][] {
    const values = this.values();
    return [
      ...this.parameters.map(({ name, dims }): [string, FloatTensor] => [
        name,
        { dims, data: values.get(name)! },
      ]),
      ...Object.entries(this.axes.regularization.keeps?.() ?? {}),
    ];
  }

  private round(): void {
    if (this.options.precision !== 'half') return;
    for (const [, { data }] of this.keptTensors()) data.set(fromHalf(toHalf(data)));
  }

  /** The classes that come into question for a task; all where tasks are not told apart. */
  private openOf(task: number | undefined): readonly number[] | undefined {
    return this.options.taskKnown && task !== undefined ? this.tasks[task]?.classes : undefined;
  }

  /** Hands the memory of earlier tasks to the steps: it does not change while a task is learned. */
  private constrain(steps: ConstrainedSteps, task: number): Promise<void> {
    const { rehearsal } = this.axes;
    const recalled = rehearsal.recall(task, this.random);
    const rows = Math.max(1, ...recalled.map((samples) => samples.length));
    const shape = this.shape('memory', rows);
    const tensors = blankBatch(shape, recalled.length);
    recalled.forEach((samples, k) => {
      const remembered = samples.map((r) => this.sampleOf(r));
      fillBatch(tensors, shape, k, remembered);
    });
    return steps.constrain(tensors, recalled.length, rows);
  }

  private shape(of: string, rows: number): BatchShape {
    const { classes } = this.options;
    return {
      ...{ of, rows, shape: this.crown.latentShape, classes },
      masked: hasMask(this.axes, this.options),
    };
  }

  private async feed(
    train: Samples,
    taskOf: (index: number) => number,
    task: number,
    batches: readonly (readonly number[])[],
    epoch: number,
  ): Promise<Record<string, FloatTensor>> {
    const { rehearsal } = this.axes;
    const { direction, constraints } = rehearsal;
    const { remembered } = this;
    const batch = this.shape('batch', this.options.batch + joined(rehearsal));
    const rows = new Float32Array(remembered ? batches.length * rehearsal.rows : 0);
    const tensors = {
      ...this.batches.blank(batches.length),
      ...drawNoise(this.noise, batches.length, this.random),
    };
    const news = batches.map((indices) =>
      indices.map((index): Remembered => ({ task: taskOf(index), index, label: train.labels[index]! })),
    );
    const samplesOf = (fresh: readonly Remembered[]) =>
      fresh.map((r) => {
        const sample = this.sampleOf(r, train);
        return rehearsal.apart ? { ...sample, open: this.tasks[r.task]!.classes } : sample;
      });
    if (epoch === 0) await rehearsal.observe?.(this, news.flat(), samplesOf(news.flat()));
    for (const [at, fresh] of news.entries()) {
      const recalled = constraints ? [] : rehearsal.recall(task, this.random).flat();
      const samples = samplesOf(fresh);
      const joining = direction ? [] : recalled.map((r) => this.sampleOf(r));
      fillBatch(tensors, batch, at, [...samples, ...joining]);
      if (remembered) {
        rows.set(
          remembered.rowsOf(recalled, (r) => this.sampleOf(r)),
          at * rehearsal.rows,
        );
      }
      // Each sample passes by once, however many epochs there are.
      if (epoch === 0) for (const sample of fresh) rehearsal.offer(sample);
    }
    const picked = remembered && { [MEMORY_ROWS]: { dims: [batches.length, rehearsal.rows], data: rows } };
    return { ...tensors, ...picked };
  }

  /** The rate input of some steps, by the learning rate's factor of each. */
  private rates(factors: readonly number[]): Record<string, FloatTensor> {
    const { optimizer } = this.options;
    return ratesOf(factors.map((by) => (optimizer === 'adam' ? adamRate(++this.step, by) : by)));
  }

  private sampleOf({ task, index, label }: Remembered, of = this.trained[task]!): Sample {
    return { samples: of, index, label, open: this.openOf(task) };
  }
}

/** Whether batches have a mask of open classes. */
function hasMask({ rehearsal }: SharedAxes, { taskKnown }: SequenceOptions): boolean {
  return taskKnown || rehearsal.apart === true;
}

/** Rows of remembered samples that join a batch. */
function joined({ rows, direction, constraints }: SequenceRehearsal): number {
  return direction || constraints ? 0 : rows;
}
