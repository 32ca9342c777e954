import { lower } from '../../autodiff/lower.js';
import { adamRate, RATE_INPUT } from '../../autodiff/optimizer.js';
import type { Engine, FloatTensor, Program } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { sizeOf } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import { shuffledBatches } from '../rehearsal/er.js';
import type { Samples } from '../samples.js';
import { Steps } from '../steps.js';
import type { Crown, Isolation, Parameter, Regularization } from '../strategy.js';
import type { Direction } from './direction.js';
import type { EpisodicMemory, Remembered } from './episodic-memory.js';
import {
  batchInputs,
  LOSS,
  logitsOf,
  type SequenceStepOptions,
  sequenceParameters,
  sequenceStep,
} from './sequence-step.js';

/** One task of a sequence. */
export interface SequenceTask {
  train: Samples;
  test: Samples;
  /** The classes that an answer may have, where the task is known when asking; all classes otherwise. */
  open?: readonly number[];
}

/** A method for tasks that share one network: what holds the weights, and how memory enters a step. */
export interface SequenceMethod {
  isolation: Isolation;
  regularization: Regularization;
  /** Which samples are remembered; none without it. */
  memory?: EpisodicMemory;
  /** Remembered samples a step: they join the loss, or their gradient corrects the step's where there is a direction. */
  recall: number;
  direction?: Direction;
}

export interface SequenceOptions {
  classes: number;
  epochs: number;
  batch: number;
  optimizer: 'sgd' | 'adam';
  rate: number;
  threads?: number;
}

/** Steps of one run: enough that handing the state in and out costs little, few enough to stop soon. */
const STEPS_A_RUN = 16;
const TEST_ROWS = 200;
/** Added to the logits of classes that are not open. */
const CLOSED = -1e9;

/**
 * Learns tasks one after the other with one network. Call `learn` for every task, in order; `accuracy` at any time.
 */
export class Sequence {
  private readonly method: SequenceMethod;
  private readonly options: SequenceOptions;
  private readonly random: Random;
  private readonly steps: Steps;
  private readonly forward: Program;
  private readonly logits: string;
  private readonly parameters: readonly Parameter[];
  private readonly tasks: SequenceTask[] = [];
  private step = 0;

  private constructor(
    method: SequenceMethod,
    options: SequenceOptions,
    random: Random,
    made: { steps: Steps; forward: Program; logits: string; parameters: readonly Parameter[] },
  ) {
    this.method = method;
    this.options = options;
    this.random = random;
    this.steps = made.steps;
    this.forward = made.forward;
    this.logits = made.logits;
    this.parameters = made.parameters;
  }

  /** Builds and compiles everything. It holds native memory: close it. */
  static async open(
    engine: Engine,
    crown: Crown,
    method: SequenceMethod,
    options: SequenceOptions,
    random: Random,
  ): Promise<Sequence> {
    const { isolation, regularization, direction, recall } = method;
    const { classes, batch, optimizer, rate, threads } = options;
    const step: SequenceStepOptions = {
      ...{ classes, optimizer, rate },
      batch: direction ? batch : batch + recall,
      reference: direction ? recall : 0,
    };
    const parameters = sequenceParameters(isolation, crown, step, random);
    const graph = sequenceStep(isolation, regularization, direction, crown, parameters, step, random);
    const { b, logits } = logitsOf(isolation, crown, parameters, TEST_ROWS, classes, 'test', random);
    b.output(logits);
    const forward = await engine.compile(lower(b.model('lichen-sequence-test')), { threads });
    const steps = await Steps.compile(engine, graph, { threads });
    return new Sequence(method, options, random, { steps, forward, logits, parameters });
  }

  /**
   * Learns the next task.
   * @param onStep called with the loss of every step
   * @throws LichenError `learn-diverged`, `learn-no-samples`
   */
  async learn(task: SequenceTask, onStep: (loss: number) => void = () => {}): Promise<void> {
    if (task.train.count === 0) throw new LichenError('learn-no-samples', 'a task has no sample to train on');
    const number = this.tasks.push(task) - 1;
    const all = Array.from({ length: task.train.count }, (_, i) => i);
    for (let epoch = 0; epoch < this.options.epochs; epoch++) {
      const batches = shuffledBatches(all, this.options.batch, this.random);
      for (let from = 0; from < batches.length; from += STEPS_A_RUN) {
        const part = batches.slice(from, from + STEPS_A_RUN);
        const feed = this.feed(part.length);
        part.forEach((indices, at) => {
          feed.step(
            at,
            indices.map((index) => ({ task: number, index, label: task.train.labels[index]! })),
            epoch,
          );
        });
        const results = await this.steps.run(feed.tensors, this.method.regularization.inputs?.() ?? {});
        for (const loss of results[LOSS]!.data) {
          if (!Number.isFinite(loss)) {
            throw new LichenError('learn-diverged', `the loss became ${loss}; lower the learning rate`);
          }
          onStep(loss);
        }
      }
    }
  }

  /** Share of right answers on samples of a task. */
  async accuracy(samples: Samples, open?: readonly number[]): Promise<number> {
    let right = 0;
    const { classes } = this.options;
    await this.predict(samples, open, (scores, index) => {
      let best = 0;
      for (let c = 1; c < classes; c++) if (scores[c]! > scores[best]!) best = c;
      if (best === samples.labels[index]) right++;
    });
    return samples.count === 0 ? 0 : right / samples.count;
  }

  async close(): Promise<void> {
    await Promise.all([this.steps.close(), this.forward.close()]);
  }

  private async predict(
    samples: Samples,
    open: readonly number[] | undefined,
    use: (scores: Float32Array, index: number) => void,
  ): Promise<void> {
    const { classes } = this.options;
    const inputs = batchInputs('test');
    const x = { dims: [TEST_ROWS, samples.width], data: new Float32Array(TEST_ROWS * samples.width) };
    const mask = { dims: [TEST_ROWS, classes], data: new Float32Array(TEST_ROWS * classes) };
    for (let row = 0; row < TEST_ROWS; row++) closeAll(mask.data, row * classes, classes, open);
    const values = Object.fromEntries(
      this.parameters.map((p) => [p.name, { dims: p.dims, data: this.steps.values().get(p.name)! }]),
    );
    for (let from = 0; from < samples.count; from += TEST_ROWS) {
      const count = Math.min(TEST_ROWS, samples.count - from);
      for (let row = 0; row < count; row++) samples.read(from + row, x.data, row * samples.width);
      const feeds = { ...values, [inputs.x]: x, [inputs.open]: mask };
      const results = await this.forward.run(feeds);
      const scores = results[this.logits]!.data;
      for (let row = 0; row < count; row++)
        use(scores.subarray(row * classes, (row + 1) * classes), from + row);
    }
  }

  /** The tensors of some steps, and what fills one step's part of them. */
  private feed(count: number) {
    const { classes, batch } = this.options;
    const { direction, recall, memory } = this.method;
    const width = this.tasks[0]!.train.width;
    const joined = direction ? 0 : recall;
    const tensors: Record<string, FloatTensor> = {
      ...blank('batch', count, batch + joined, width, classes),
      ...(direction ? blank('memory', count, recall, width, classes) : {}),
      [RATE_INPUT]: { dims: [count], data: new Float32Array(count) },
    };
    const step = (at: number, fresh: readonly Remembered[], epoch: number) => {
      this.step++;
      tensors[RATE_INPUT]!.data[at] = this.options.optimizer === 'adam' ? adamRate(this.step, 1) : 1;
      const recalled = this.recalled();
      this.fill(tensors, 'batch', at, batch + joined, direction ? fresh : [...fresh, ...recalled]);
      if (direction) this.fill(tensors, 'memory', at, recall, recalled);
      // Each sample passes by once, however many epochs there are.
      if (epoch === 0) for (const sample of fresh) memory?.offer(sample);
    };
    return { tensors, step };
  }

  /** Remembered samples for a step, without doubles; as many as there are where they are few. */
  private recalled(): Remembered[] {
    const { memory, recall } = this.method;
    if (!memory || recall === 0) return [];
    const { entries } = memory;
    if (entries.length <= recall) return [...entries];
    const chosen = new Set<number>();
    while (chosen.size < recall) chosen.add(this.random.int(entries.length));
    return [...chosen].map((i) => entries[i]!);
  }

  private fill(
    tensors: Record<string, FloatTensor>,
    of: string,
    at: number,
    rows: number,
    samples: readonly Remembered[],
  ): void {
    const { classes } = this.options;
    const names = batchInputs(of);
    const [x, targets, open] = [tensors[names.x]!, tensors[names.targets]!, tensors[names.open]!];
    const width = x.dims[2]!;
    // The loss divides by the rows; those that are there make up for those that are not.
    const weight = rows / Math.max(1, samples.length);
    samples.forEach((sample, i) => {
      const row = at * rows + i;
      const task = this.tasks[sample.task]!;
      task.train.read(sample.index, x.data, row * width);
      targets.data[row * classes + sample.label] = weight;
      closeAll(open.data, row * classes, classes, task.open);
    });
  }
}

function blank(of: string, count: number, rows: number, width: number, classes: number) {
  const zeros = (...dims: number[]) => ({ dims, data: new Float32Array(sizeOf(dims)) });
  const names = batchInputs(of);
  return {
    [names.x]: zeros(count, rows, width),
    [names.targets]: zeros(count, rows, classes),
    [names.open]: zeros(count, rows, classes),
  };
}

function closeAll(into: Float32Array, from: number, classes: number, open?: readonly number[]): void {
  if (!open) return;
  into.fill(CLOSED, from, from + classes);
  for (const c of open) into[from + c] = 0;
}
