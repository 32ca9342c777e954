import { gradients } from '../autodiff/gradient.js';
import { channelsLast } from '../autodiff/layout.js';
import { crossEntropy } from '../autodiff/loss.js';
import { lower } from '../autodiff/lower.js';
import { adam, adamRate, type ParameterStep, RATE_INPUT } from '../autodiff/optimizer.js';
import { patched, standardNodes } from '../autodiff/patches.js';
import { add } from '../autodiff/rule.js';
import { decodeLatent, type LatentShape } from '../backbone/latent.js';
import type { Engine, FloatTensor, Program } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { int, type Model, sizeOf } from '../onnx/model.js';
import { Random } from '../random.js';
import type { Isolation, IsolationContext, Parameter, Regularization, Rehearsal } from './strategy.js';

export interface LearnerOptions {
  epochs: number;
  batch: number;
  seed: number;
  /** Share of the target spread over all classes. */
  labelSmoothing: number;
  /** Learning rate of the head. */
  headRate: number;
  /** After this share of the steps every rate is multiplied by `decay`. */
  decayAt: number;
  decay: number;
  threads?: number;
  arena?: boolean;
}

export const LEARNER_DEFAULTS: LearnerOptions = {
  epochs: 10,
  batch: 16,
  seed: 0,
  labelSmoothing: 0.1,
  headRate: 3e-3,
  decayAt: 0.7,
  decay: 0.1,
};

export interface TrainingSet {
  /** Encoded latents. */
  latents: readonly Uint8Array[];
  /** Class index of each. */
  labels: ArrayLike<number>;
  classes: number;
  /** Indices that came since the last training of the task; all others are the replay memory's. */
  fresh: readonly number[];
}

export interface Progress {
  epoch: number;
  epochs: number;
  step: number;
  steps: number;
  /** Mean loss since the epoch began. */
  loss: number;
}

export interface Trained {
  /** Final value of every parameter of the isolation strategy. */
  values: Map<string, Float32Array>;
  headWeight: Float32Array;
  headBias: Float32Array;
  /** Mean loss of each epoch. */
  losses: number[];
  steps: number;
}

/** What a learner is put together from: one choice on each axis. */
export interface Strategies {
  isolation: Isolation;
  regularization: Regularization;
  rehearsal: Rehearsal;
}

const TARGETS = 'targets';
const LOSS = 'loss';
const HEAD_WEIGHT = 'lichen:head.weight';
const HEAD_BIAS = 'lichen:head.bias';

/**
 * The one training loop. It trains what the isolation strategy offers, with a linear softmax head, by Adam
 * inside the graph, on batches that the rehearsal strategy chooses.
 * @param onProgress called after every step; it may return a promise, which holds the loop (a pause)
 * @throws LichenError `learn-no-samples`, `learn-diverged`, `learn-aborted`
 */
export async function train(
  engine: Engine,
  strategies: Strategies,
  context: IsolationContext,
  codec: LatentShape,
  set: TrainingSet,
  options: LearnerOptions = LEARNER_DEFAULTS,
  onProgress: (p: Progress) => void | Promise<void> = () => {},
  signal?: AbortSignal,
): Promise<Trained> {
  if (set.latents.length === 0) throw new LichenError('learn-no-samples', 'there is no sample to train on');
  const random = new Random(options.seed);
  const batch = Math.min(options.batch, Math.max(1, set.latents.length));
  const { model, parameters, steps } = trainingGraph(
    strategies,
    context,
    batch,
    set.classes,
    options,
    random,
  );
  const program = await engine.compile(model, { threads: options.threads, arena: options.arena });
  try {
    const state = new StepState(parameters, steps);
    const memory = exclude(set.latents.length, set.fresh);
    const plan = Array.from({ length: options.epochs }, () =>
      strategies.rehearsal.epoch(set.fresh, memory, set.labels, batch, random),
    );
    const total = plan.reduce((n, batches) => n + batches.length, 0);
    const feed = new BatchFeed(context, codec, set, batch, options.labelSmoothing);
    const losses: number[] = [];
    let step = 0;
    for (const [epoch, batches] of plan.entries()) {
      let sum = 0;
      for (const [i, indices] of batches.entries()) {
        if (signal?.aborted) throw new LichenError('learn-aborted', 'training was stopped before it ended');
        step++;
        const rate = adamRate(step, step > options.decayAt * total ? options.decay : 1);
        const loss = await state.advance(program, feed.fill(indices), rate);
        if (!Number.isFinite(loss)) {
          throw new LichenError(
            'learn-diverged',
            `the loss became ${loss} in step ${step}; lower the learning rates`,
          );
        }
        sum += loss;
        await onProgress({
          epoch: epoch + 1,
          epochs: options.epochs,
          step,
          steps: total,
          loss: sum / (i + 1),
        });
      }
      losses.push(sum / batches.length);
    }
    const values = state.values();
    const headWeight = values.get(HEAD_WEIGHT)!;
    const headBias = values.get(HEAD_BIAS)!;
    values.delete(HEAD_WEIGHT);
    values.delete(HEAD_BIAS);
    return { values, headWeight, headBias, losses, steps: total };
  } finally {
    await program.close();
  }
}

/** One step as an ONNX graph: loss, gradients and the optimizer's updates. */
export function trainingGraph(
  { isolation, regularization }: Pick<Strategies, 'isolation' | 'regularization'>,
  context: IsolationContext,
  batch: number,
  classes: number,
  options: LearnerOptions,
  random: Random,
): { model: Model; parameters: Parameter[]; steps: ParameterStep[] } {
  const network = isolation.network(context, batch, random);
  const forward = network.builder;
  forward.output(network.features);
  const products = patched(forward.graph(), (name) => forward.shape(name));
  const b = channelsLast(products.graph(), (name) => products.shape(name));
  const width = b.shape(network.features)[1]!;
  const head: Parameter[] = [
    {
      name: HEAD_WEIGHT,
      dims: [classes, width],
      initial: new Float32Array(classes * width),
      learningRate: options.headRate,
    },
    { name: HEAD_BIAS, dims: [classes], initial: new Float32Array(classes), learningRate: options.headRate },
  ];
  for (const p of head) b.input(p.name, p.dims);
  const targets = b.input(TARGETS, [batch, classes]);
  const logits = b.op('Gemm', [network.features, HEAD_WEIGHT, HEAD_BIAS], { transB: int(1) });
  const parameters = [...network.parameters, ...head];
  const data = crossEntropy(b, logits, targets, 'data_loss');
  const penalty = regularization.penalty(b, parameters);
  const loss = penalty ? add(b, data, penalty) : data;
  b.op('Identity', [loss], {}, LOSS);
  const found = gradients(
    b,
    LOSS,
    parameters.map((p) => p.name),
  );
  const steps = adam(
    b,
    parameters.map((p) => ({ ...p, gradient: found.get(p.name)! })),
  );
  b.output(LOSS);
  return { model: lower(standardNodes(b.model('lichen-step'))), parameters, steps };
}

/** Parameters and optimizer state, twice: a step reads one copy and writes the other in place. */
class StepState {
  private current: Record<string, FloatTensor> = {};
  private next: Record<string, FloatTensor> = {};
  private readonly outputs: Map<string, string>;
  private readonly parameters: readonly Parameter[];

  constructor(parameters: readonly Parameter[], steps: readonly ParameterStep[]) {
    this.parameters = parameters;
    this.outputs = new Map(steps.flatMap((s) => [...s.updates]));
    for (const [i, p] of parameters.entries()) {
      for (const input of steps[i]!.updates.keys()) {
        const zeros = () => ({ dims: p.dims, data: new Float32Array(sizeOf(p.dims)) });
        this.current[input] = input === p.name ? { dims: p.dims, data: p.initial.slice() } : zeros();
        this.next[input] = zeros();
      }
    }
  }

  async advance(program: Program, feeds: Record<string, FloatTensor>, rate: number): Promise<number> {
    const into = Object.fromEntries([...this.outputs].map(([input, output]) => [output, this.next[input]!]));
    const scaled = { dims: [], data: Float32Array.of(rate) };
    const results = await program.run({ ...this.current, ...feeds, [RATE_INPUT]: scaled }, into);
    [this.current, this.next] = [this.next, this.current];
    return results[LOSS]!.data[0]!;
  }

  values(): Map<string, Float32Array> {
    return new Map(this.parameters.map((p) => [p.name, this.current[p.name]!.data]));
  }
}

/** Puts samples into a batch's tensors. A row that is left over gets a target of zeros, which takes no part. */
class BatchFeed {
  private readonly latent: { dims: number[]; data: Float32Array<ArrayBuffer> };
  private readonly target: { dims: number[]; data: Float32Array<ArrayBuffer> };
  private readonly name: string;
  private readonly codec: LatentShape;
  private readonly set: TrainingSet;
  private readonly smoothing: number;

  constructor(
    context: IsolationContext,
    codec: LatentShape,
    set: TrainingSet,
    batch: number,
    smoothing: number,
  ) {
    const { latent, latentShape } = context.crown;
    this.name = latent;
    this.codec = codec;
    this.set = set;
    this.smoothing = smoothing;
    this.latent = { dims: [batch, ...latentShape], data: new Float32Array(batch * sizeOf(latentShape)) };
    this.target = { dims: [batch, set.classes], data: new Float32Array(batch * set.classes) };
  }

  fill(indices: readonly number[]): Record<string, FloatTensor> {
    const { classes } = this.set;
    const batch = this.latent.dims[0]!;
    const size = this.codec.channels * this.codec.positions;
    // The loss divides by the batch's size; a short batch makes up for the rows that it lacks.
    const weight = batch / indices.length;
    this.target.data.fill(0);
    indices.forEach((sample, row) => {
      decodeLatent(this.set.latents[sample]!, this.codec, this.latent.data, row * size);
      const at = row * classes;
      this.target.data.fill((weight * this.smoothing) / classes, at, at + classes);
      this.target.data[at + this.set.labels[sample]!]! += weight * (1 - this.smoothing);
    });
    return { [this.name]: this.latent, [TARGETS]: this.target };
  }
}

function exclude(count: number, indices: readonly number[]): number[] {
  const out = new Set(indices);
  return Array.from({ length: count }, (_, i) => i).filter((i) => !out.has(i));
}
