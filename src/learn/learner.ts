import { gradients, pulledBack } from '../autodiff/gradient.js';
import { inPlaceUpdates } from '../autodiff/in-place.js';
import { channelsLast } from '../autodiff/layout.js';
import { crossEntropy } from '../autodiff/loss.js';
import { lower } from '../autodiff/lower.js';
import { adam, adamRate, type ParameterStep, RATE_INPUT } from '../autodiff/optimizer.js';
import { patched, standardNodes } from '../autodiff/patches.js';
import { add } from '../autodiff/rule.js';
import { decodeLatent, type LatentShape } from '../backbone/latent.js';
import type { Engine, FloatTensor, Program } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { type Model, sizeOf } from '../onnx/model.js';
import { collectGarbage } from '../process-memory.js';
import { Random } from '../random.js';
import { Focus } from './focus.js';
import { HeldOutLoss } from './held-out-loss.js';
import { inPieces } from './pieces.js';
import { Plateau } from './plateau.js';
import {
  HEAD_BIAS,
  HEAD_WEIGHT,
  headLogits,
  headShapes,
  outputSampleLosses,
  SAMPLE_LOSSES,
  sampleLosses,
  TARGETS,
} from './softmax.js';
import type { Isolation, IsolationContext, Parameter, Regularization, Rehearsal } from './strategy.js';

export interface LearnerOptions {
  /** At most; see `patience`. */
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
  /**
   * Share of the samples, the ones with the largest loss, that an epoch shows once all were seen (`Focus`); 1 shows
   * all in every epoch.
   */
  hardest: number;
  /**
   * Looks at the held-out samples, at the ends of epochs, without a smaller loss before the rates fall, and then before
   * training ends (`Plateau`); what is kept is what was best on them. 0: all epochs are trained, and the last is kept.
   * A look comes at least 16 steps after the one before.
   */
  patience: number;
  threads?: number;
  arena?: boolean;
  /** Parts that a batch is computed in, one after the other; more need less memory (see `inPieces`). */
  pieces: number;
  /** Give memory back between the phases of a training, and read samples few at a time; see `planTraining`. */
  lean?: boolean;
}

export const LEARNER_DEFAULTS: LearnerOptions = {
  epochs: 10,
  batch: 16,
  seed: 0,
  labelSmoothing: 0.1,
  headRate: 3e-3,
  decayAt: 0.85,
  decay: 0.1,
  hardest: 1,
  patience: 2,
  pieces: 1,
};

/**
 * Steps before samples are chosen by their loss and held-out samples are looked at: a mask crosses its threshold after
 * nine steps at the soonest.
 */
const WARM_STEPS = 24;
/** Fewer steps change too little for another look at the held-out samples, which costs a few steps itself. */
const LOOK_EVERY = 16;
/** Fewer held-out samples say too little to stop by. */
const FEWEST_HELD_OUT = 16;

export interface TrainingSet {
  /** Encoded latents. */
  latents: readonly Uint8Array[];
  /** Class index of each. */
  labels: ArrayLike<number>;
  classes: number;
  /** Indices that came since the last training of the task; all others are the replay memory's. */
  fresh: readonly number[];
  /** What is never trained on, by which training ends early. */
  heldOut?: { latents: readonly Uint8Array[]; labels: ArrayLike<number> };
}

export interface Progress {
  epoch: number;
  epochs: number;
  step: number;
  /** At most; the same as `step` once training has ended early. */
  steps: number;
  /** Mean loss since the epoch began. */
  loss: number;
}

export interface Trained {
  /** Final value of every parameter of the isolation strategy. */
  values: Map<string, Float32Array>;
  headWeight: Float32Array;
  headBias: Float32Array;
  /** Mean loss of each epoch that was run, on the samples that it showed. */
  losses: number[];
  /** Loss of the held-out samples at each look, where training may end early. */
  heldOutLosses: number[];
  steps: number;
  /** Why training ended: all epochs were run, or the held-out samples' loss fell no more. */
  ended: 'epochs' | 'plateau';
}

/** What a learner is put together from: one choice on each axis. */
export interface Strategies {
  isolation: Isolation;
  regularization: Regularization;
  rehearsal: Rehearsal;
}

const LOSS = 'loss';

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
  const pieces = Math.min(options.pieces, batch);
  // Rows that are left over take no part.
  const rows = pieces * Math.ceil(batch / pieces);
  const graph = trainingGraph(strategies, context, rows, set.classes, options, random, pieces);
  const program = await engine.compile(graph.model, { threads: options.threads, arena: options.arena });
  if (options.lean) collectGarbage();
  let heldOut: HeldOutLoss | undefined;
  try {
    const state = new StepState(graph);
    heldOut = await openHeldOut(engine, strategies.isolation, context, codec, set, rows / pieces, options);
    const memory = exclude(set.latents.length, set.fresh);
    const focus = new Focus(set.latents.length, options.hardest, batch);
    const feed = new BatchFeed(context, codec, set, rows, options.labelSmoothing);
    const plateau = new Plateau(options.patience);
    // Where nothing is fresh, the memory is what is learned.
    const learned = set.fresh.length > 0 ? set.fresh : memory;
    const batchesOf = (shown: readonly number[], random: Random) =>
      set.fresh.length > 0
        ? strategies.rehearsal.epoch(shown, memory, set.labels, batch, random)
        : strategies.rehearsal.epoch([], shown, set.labels, batch, random);
    const total = countSteps(options.epochs, learned, focus, batchesOf);
    const losses: number[] = [];
    const heldOutLosses: number[] = [];
    let step = 0;
    let lookedAt = 0;
    let fallen = false;
    let best: Map<string, Float32Array> | undefined;
    let ended: Trained['ended'] = 'epochs';
    for (let epoch = 1; epoch <= options.epochs && ended === 'epochs'; epoch++) {
      const shown = step < WARM_STEPS ? learned : focus.choose(learned, random);
      const batches = batchesOf(shown, random);
      let sum = 0;
      for (const [i, indices] of batches.entries()) {
        if (signal?.aborted) throw new LichenError('learn-aborted', 'training was stopped before it ended');
        step++;
        fallen ||= step > options.decayAt * total;
        const rate = adamRate(step, fallen ? options.decay : 1);
        const { loss, each } = await state.advance(program, feed.fill(indices), rate);
        if (!Number.isFinite(loss)) {
          throw new LichenError(
            'learn-diverged',
            `the loss became ${loss} in step ${step}; lower the learning rates`,
          );
        }
        focus.saw(indices, feed.unweighted(each, indices.length));
        sum += loss;
        const progress = { epoch, epochs: options.epochs, step, steps: total, loss: sum / (i + 1) };
        if (i + 1 === batches.length && heldOut && step >= WARM_STEPS && step - lookedAt >= LOOK_EVERY) {
          lookedAt = step;
          const now = await heldOut.measure(state.tensors());
          heldOutLosses.push(now);
          const verdict = plateau.look(now, fallen);
          if (verdict.best) best = state.copy();
          if (verdict.next === 'decay') fallen = true;
          if (verdict.next === 'stop') {
            ended = 'plateau';
            Object.assign(progress, { epochs: epoch, steps: step });
          }
        }
        await onProgress(progress);
      }
      losses.push(sum / batches.length);
    }
    const values = best ?? state.values();
    const headWeight = values.get(HEAD_WEIGHT)!;
    const headBias = values.get(HEAD_BIAS)!;
    values.delete(HEAD_WEIGHT);
    values.delete(HEAD_BIAS);
    return { values, headWeight, headBias, losses, heldOutLosses, steps: step, ended };
  } finally {
    await program.close();
    await heldOut?.close();
  }
}

/** The steps of all epochs, if none is left out. */
function countSteps(
  epochs: number,
  learned: readonly number[],
  focus: Focus,
  batchesOf: (shown: readonly number[], random: Random) => number[][],
): number {
  // How many batches there are does not depend on which samples are in them.
  const random = new Random(0);
  const whole = batchesOf(learned, random).length;
  const chosen = batchesOf(learned.slice(0, focus.size(learned.length)), random).length;
  const warm = Math.min(epochs, Math.ceil(WARM_STEPS / whole));
  return warm * whole + (epochs - warm) * chosen;
}

/** Looks at the held-out samples where there are enough of them and training may end by them. */
async function openHeldOut(
  engine: Engine,
  isolation: Isolation,
  context: IsolationContext,
  codec: LatentShape,
  { heldOut, classes }: TrainingSet,
  batch: number,
  { patience, labelSmoothing, seed, threads, arena, lean }: LearnerOptions,
): Promise<HeldOutLoss | undefined> {
  if (patience === 0 || !heldOut || heldOut.latents.length < FEWEST_HELD_OUT) return undefined;
  const size = Math.min(batch, heldOut.latents.length);
  const feed = new BatchFeed(context, codec, { ...heldOut, classes }, size, labelSmoothing);
  const samples = { count: heldOut.latents.length, batch: size, classes, seed };
  return HeldOutLoss.open(engine, isolation, context, feed, samples, {
    threads,
    arena: lean ? false : arena,
  });
}

/** A step's graph, what it trains, and by which names the step takes and gives it. */
export interface TrainingGraph {
  model: Model;
  parameters: Parameter[];
  steps: ParameterStep[];
}

/**
 * One step as an ONNX graph: loss, gradients and the optimizer's updates.
 * @param pieces parts that the batch is computed in, one after the other; see `inPieces`
 */
export function trainingGraph(
  { isolation, regularization }: Pick<Strategies, 'isolation' | 'regularization'>,
  context: IsolationContext,
  batch: number,
  classes: number,
  options: LearnerOptions,
  random: Random,
  pieces = 1,
): TrainingGraph {
  const micro = batch / pieces;
  const network = isolation.network(context, micro, random);
  const forward = network.builder;
  forward.output(network.features);
  const products = patched(forward.graph(), (name) => forward.shape(name));
  const one = channelsLast(products.graph(), (name) => products.shape(name));
  const width = one.shape(network.features)[1]!;
  const head: Parameter[] = [...headShapes(classes, width)].map(([name, dims]) => ({
    name,
    dims,
    initial: new Float32Array(sizeOf(dims)),
    learningRate: options.headRate,
  }));
  for (const p of head) one.input(p.name, p.dims);
  const targets = one.input(TARGETS, [micro, classes]);
  const logits = headLogits(one, network.features);
  const parameters = [...network.parameters, ...head];
  const names = parameters.map((p) => p.name);
  const data = crossEntropy(one, logits, targets, 'data_loss', batch);
  const samples = [context.crown.latent, TARGETS];
  const each = sampleLosses(one, logits, targets);
  const split = pieces > 1 ? inPieces(one, samples, data, names, pieces, [each]) : undefined;
  const b = split?.builder ?? one;
  const penalty = regularization.penalty(b, parameters);
  const sum = split?.loss ?? data;
  b.op('Identity', [penalty ? add(b, sum, penalty) : sum], {}, LOSS);
  const known = split && new Map([...split.gradients, ...(penalty ? [[penalty, b.scalar(1)] as const] : [])]);
  const found = known ? pulledBack(b, known, names) : gradients(b, LOSS, names);
  const steps = adam(
    b,
    parameters.map((p) => ({ ...p, gradient: found.get(p.name)! })),
  );
  b.output(LOSS);
  outputSampleLosses(b, split?.joined[0] ?? each);
  return { model: lower(standardNodes(b.model('lichen-step'))), parameters, steps };
}

/**
 * Parameters and optimizer state. A step writes them in place where all that reads them is done by then; all others
 * are there twice: a step reads one copy and writes the other.
 */
class StepState {
  private current: Record<string, FloatTensor> = {};
  private next: Record<string, FloatTensor> = {};
  private readonly outputs: Map<string, string>;
  private readonly parameters: readonly Parameter[];

  constructor({ model, parameters, steps }: TrainingGraph) {
    this.parameters = parameters;
    this.outputs = new Map(steps.flatMap((s) => [...s.updates]));
    const inPlace = inPlaceUpdates(model.graph, this.outputs);
    for (const [i, p] of parameters.entries()) {
      for (const input of steps[i]!.updates.keys()) {
        const zeros = () => ({ dims: p.dims, data: new Float32Array(sizeOf(p.dims)) });
        this.current[input] = input === p.name ? { dims: p.dims, data: p.initial } : zeros();
        this.next[input] = inPlace.has(input) ? this.current[input]! : zeros();
      }
    }
  }

  /** One step. Returns the batch's loss, and that of each row with the row's weight. */
  async advance(
    program: Program,
    feeds: Record<string, FloatTensor>,
    rate: number,
  ): Promise<{ loss: number; each: Float32Array }> {
    const into = Object.fromEntries([...this.outputs].map(([input, output]) => [output, this.next[input]!]));
    const scaled = { dims: [], data: Float32Array.of(rate) };
    const results = await program.run({ ...this.current, ...feeds, [RATE_INPUT]: scaled }, into);
    [this.current, this.next] = [this.next, this.current];
    return { loss: results[LOSS]!.data[0]!, each: results[SAMPLE_LOSSES]!.data };
  }

  /** What is trained, as inputs. */
  tensors(): Record<string, FloatTensor> {
    return Object.fromEntries(this.parameters.map((p) => [p.name, this.current[p.name]!]));
  }

  values(): Map<string, Float32Array> {
    return new Map(this.parameters.map((p) => [p.name, this.current[p.name]!.data]));
  }

  /** The values as they are now; those of `values` change with the next steps. */
  copy(): Map<string, Float32Array> {
    return new Map([...this.values()].map(([name, data]) => [name, data.slice()]));
  }
}

/** Puts samples into a batch's tensors. A row that is left over gets a target of zeros, which takes no part. */
class BatchFeed {
  private readonly latent: { dims: number[]; data: Float32Array<ArrayBuffer> };
  private readonly target: { dims: number[]; data: Float32Array<ArrayBuffer> };
  private readonly name: string;
  private readonly codec: LatentShape;
  private readonly set: Pick<TrainingSet, 'latents' | 'labels' | 'classes'>;
  private readonly smoothing: number;

  constructor(
    context: IsolationContext,
    codec: LatentShape,
    set: Pick<TrainingSet, 'latents' | 'labels' | 'classes'>,
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

  /** The losses of the first `count` rows without the weight that a short batch gives them. */
  unweighted(losses: Float32Array, count: number): Float32Array {
    return losses.subarray(0, count).map((loss) => (loss * count) / this.latent.dims[0]!);
  }
}

function exclude(count: number, indices: readonly number[]): number[] {
  const out = new Set(indices);
  return Array.from({ length: count }, (_, i) => i).filter((i) => !out.has(i));
}
