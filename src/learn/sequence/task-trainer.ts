import { gradients } from '../../autodiff/gradient.js';
import { crossEntropy } from '../../autodiff/loss.js';
import { lower } from '../../autodiff/lower.js';
import { adam, adamRate, type ParameterStep, RATE_INPUT, sgd } from '../../autodiff/optimizer.js';
import type { Proximal } from '../../autodiff/proximal.js';
import { add } from '../../autodiff/rule.js';
import type { Engine } from '../../engine/engine.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { int } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import type { Samples } from '../samples.js';
import { Steps } from '../steps.js';
import type { Parameter, TrainableNetwork } from '../strategy.js';
import { LOSS } from '../training-graph.js';
import { batchInputs, blankBatch, bytesOf, drawNoise, fillBatch, ratesOf } from './batches.js';
import type { SequenceOptions, SequenceProgress } from './continual-learner.js';
import { runEpochs } from './epochs.js';
import { arranged, HEAD } from './headed.js';
import type { SequenceTask } from './task.js';

/** A linear layer on a task's features, for the task's classes in their order. */
export interface TaskHead {
  /** [classes, features] */
  weight: Float32Array;
  /** [classes] */
  bias: Float32Array;
}

/** A training of one task. */
export interface TaskTraining {
  task: SequenceTask;
  /** Number of the task, for reports. */
  number: number;
  /**
   * The network to train, for a name of its input (see `fedBy`) and a batch. Its parameters' initial values are where
   * the training starts.
   */
  network: (input: string, batch: number) => TrainableNetwork;
  /** Where the head starts; without it small and random. */
  head?: TaskHead;
  /** Whether the head is trained; by default it is. */
  trainHead?: boolean;
  /** Terms of the loss beside the cross-entropy. */
  penalty?: (b: GraphBuilder, parameters: readonly Parameter[]) => string | null;
  /** What is done to a parameter's value after every step; nothing where it gives none. */
  proximal?: (parameter: Parameter) => Proximal | undefined;
  /** Trains on other samples than all of the task's. */
  samples?: Samples;
  epochs?: number;
  mostSteps?: number;
  /** The factor of the learning rate at a share of the steps, from 0 to 1; 1 throughout without it. */
  schedule?: (share: number) => number;
  /** Called after every epoch; what is written into the live values is what the next step starts from. */
  afterEpoch?: (epoch: number, values: Map<string, Float32Array>) => Promise<void> | void;
}

export interface TrainedTask {
  /** Final value of every parameter but the head's. */
  values: Map<string, Float32Array>;
  head: TaskHead;
  /** Mean cross-entropy of each epoch, without other terms of the loss. */
  losses: number[];
}

/** Trains networks that have a head of their own for each task, by the loop that all methods of a sequence use. */
export class TaskTrainer {
  readonly engine: Engine;
  /** Of one sample. */
  readonly shape: readonly number[];
  readonly options: SequenceOptions;
  readonly random: Random;

  constructor(engine: Engine, shape: readonly number[], options: SequenceOptions, random: Random) {
    this.engine = engine;
    this.shape = shape;
    this.options = options;
    this.random = random;
  }

  /** @throws LichenError `learn-no-samples`, `learn-diverged` */
  async train(
    training: TaskTraining,
    report: (progress: SequenceProgress) => void = () => {},
  ): Promise<TrainedTask> {
    const { task, number, samples = task.train } = training;
    const { batch, epochs: usual, optimizer, threads, stepsAtOnce } = this.options;
    const { epochs = usual, mostSteps, schedule = () => 1, afterEpoch } = training;
    const rows = Math.min(batch, samples.count);
    const graph = this.step(training, rows);
    const shape = {
      of: 'batch',
      rows,
      shape: this.shape,
      classes: task.classes.length,
      masked: false,
    };
    const places = new Map(task.classes.map((label, place) => [label, place]));
    const steps = await Steps.compile(this.engine, graph, { threads });
    let step = 0;
    const total = Math.min(mostSteps ?? Number.POSITIVE_INFINITY, epochs * Math.ceil(samples.count / rows));
    try {
      const losses = await runEpochs(
        steps,
        {
          ...{ count: samples.count, epochs, batch: rows, stepsAtOnce },
          stepBytes: bytesOf(shape),
          ...(mostSteps !== undefined && { mostSteps }),
        },
        {
          feed: (batches) => {
            const tensors = {
              ...blankBatch(shape, batches.length),
              ...drawNoise(graph.noise, batches.length, this.random),
            };
            const rates = batches.map((indices, at) => {
              fillBatch(
                tensors,
                shape,
                at,
                indices.map((index) => ({ samples, index, label: places.get(samples.labels[index]!)! })),
              );
              const factor = schedule(step++ / total);
              return optimizer === 'adam' ? adamRate(step, factor) : factor;
            });
            return { ...tensors, ...ratesOf(rates) };
          },
          onSteps: (progress) => report({ task: number, ...progress }),
          afterEpoch: (epoch) => afterEpoch?.(epoch, steps.values()),
        },
        this.random,
      );
      const values = steps.values();
      const head = graph.head(values);
      return { values, head, losses };
    } finally {
      await steps.close();
    }
  }

  private step(training: TaskTraining, rows: number) {
    const { network: make, task, head, trainHead = true, penalty, proximal } = training;
    const { rate, optimizer } = this.options;
    const { x, targets } = batchInputs('batch');
    const network = make(x, rows);
    const { noise = new Map<string, readonly number[]>() } = network;
    const b = arranged(network);
    const classes = task.classes.length;
    const width = b.shape(network.features)[1]!;
    const uniform = (count: number) =>
      Float32Array.from({ length: count }, () => (2 * this.random.next() - 1) / Math.sqrt(width));
    const weight = head?.weight ?? uniform(classes * width);
    const bias = head?.bias ?? uniform(classes);
    const own: Parameter[] = [
      { name: `${HEAD}.weight`, dims: [classes, width], initial: weight, learningRate: rate },
      { name: `${HEAD}.bias`, dims: [classes], initial: bias, learningRate: rate },
    ];
    const parameters = [...network.parameters, ...(trainHead ? own : [])];
    for (const p of own) {
      if (trainHead) b.input(p.name, p.dims);
      else b.constant({ type: 1, dims: [...p.dims], data: p.initial }, p.name);
    }
    const logits = b.op('Gemm', [network.features, `${HEAD}.weight`, `${HEAD}.bias`], { transB: int(1) });
    crossEntropy(b, logits, b.input(targets, [rows, classes]), LOSS);
    const terms = penalty?.(b, parameters) ?? null;
    const found = gradients(
      b,
      terms ? add(b, LOSS, terms) : LOSS,
      parameters.map((p) => p.name),
    );
    const optimize = optimizer === 'adam' ? adam : sgd;
    const steps = optimize(
      b,
      parameters.map((p) => ({ ...p, gradient: found.get(p.name)! })),
    );
    if (proximal) for (const [i, p] of parameters.entries()) applyProximal(b, steps[i]!, proximal(p));
    b.output(LOSS);
    const model = lower(b.model('lichen-task'));
    const taken = (values: Map<string, Float32Array>, name: string, initial: Float32Array) => {
      const value = values.get(name) ?? initial;
      values.delete(name);
      return value;
    };
    return {
      ...{ model, parameters, steps, noise, each: [x, targets, ...noise.keys(), RATE_INPUT] },
      head: (values: Map<string, Float32Array>): TaskHead => ({
        weight: taken(values, `${HEAD}.weight`, weight),
        bias: taken(values, `${HEAD}.bias`, bias),
      }),
    };
  }
}

/** Lets the value that a step gives a parameter pass through a proximal step. */
function applyProximal(
  b: GraphBuilder,
  { parameter, updates }: ParameterStep,
  step: Proximal | undefined,
): void {
  if (!step) return;
  const before = updates.get(parameter)!;
  const after = step(b, before);
  b.outputs[b.outputs.findIndex((o) => o.name === before)]!.name = after;
  updates.set(parameter, after);
}
