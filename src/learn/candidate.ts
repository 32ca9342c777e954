import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { collectGarbage } from '../process-memory.js';
import type { Adapter, AdapterTensors, Head } from './adapter.js';
import { deployModel } from './deploy.js';
import { type ChosenHead, chooseHead, type Described } from './head.js';
import { Frozen } from './isolation/frozen.js';
import { type Progress, train } from './learner.js';
import { LEARNER_DEFAULTS, type LearnerOptions } from './learner-options.js';
import { TaskNetwork } from './network.js';
import type { Isolation, IsolationContext, Strategies } from './strategy.js';

/** Samples that a network describes at once where memory is short. */
export const LEAN_BATCH = 4;

/** One labelled sample as training sees it. */
export interface LabelledLatent {
  latent: Uint8Array;
  /** Index into the task's classes. */
  label: number;
  heldOut: boolean;
  /** Came since the task was trained last. */
  fresh: boolean;
}

/** What training a task comes to. */
export interface Candidate {
  adapter: Adapter;
  metrics: CandidateMetrics;
}

export interface CandidateMetrics {
  trainSamples: number;
  heldOutSamples: number;
  /** Null where nothing was held out. */
  heldOutAccuracy: number | null;
  /** By cross-validation on the training samples, where nothing was held out. */
  crossValidatedAccuracy: number | null;
  head: Head['kind'];
  shrinkage: number | null;
  temperature: number;
  seed: number;
  /** Epochs that were run. */
  epochs: number;
  /** Epochs that were asked for. */
  epochsAllowed: number;
  steps: number;
  /** Why training ended: all epochs were run, or the held-out samples' loss fell no more. Null where nothing is trained. */
  ended: 'epochs' | 'plateau' | null;
  /** Mean loss of each epoch, on the samples that it showed. */
  losses: number[];
  /** Loss of the held-out samples at each look at them. */
  heldOutLosses: number[];
  seconds: number;
}

const NOTHING_TRAINED = {
  epochs: 0,
  epochsAllowed: 0,
  steps: 0,
  ended: null,
  losses: [],
  heldOutLosses: [],
};

/** The task as both kinds of candidate need it. */
export interface TaskData {
  backbone: Backbone;
  classes: readonly string[];
  samples: readonly LabelledLatent[];
}

/** What the training samples look like to a network, and the widths of their summary's blocks. */
export interface DescribedTraining extends Described {
  blocks: readonly number[];
}

/**
 * The instant answer as a candidate: the discriminant on the frozen features, no gradient step.
 * @param onDescribed is given the training samples as the frozen network sees them
 * @throws LichenError `learn-no-samples` when a class has no sample to train on
 */
export async function instantCandidate(
  engine: Engine,
  data: TaskData,
  settings: Pick<LearnerOptions, 'seed' | 'lean'>,
  onDescribed?: (training: DescribedTraining) => void,
): Promise<Candidate> {
  const start = performance.now();
  checkClasses(data);
  const { seed } = settings;
  const context = { crown: data.backbone.crown, earlier: [] };
  const chosen = await fitHead(
    engine,
    new Frozen(),
    context,
    new Map(),
    data,
    undefined,
    settings,
    onDescribed,
  );
  return candidate('frozen', new Map(), chosen, data, { seed, ...NOTHING_TRAINED }, start);
}

/**
 * Trains an adapter and fits its head.
 * @param earlier adapters of earlier tasks of the same isolation, oldest first
 * @throws LichenError as `train` does, and `learn-no-samples`
 */
export async function trainedCandidate(
  engine: Engine,
  strategies: Strategies,
  data: TaskData,
  earlier: readonly AdapterTensors[],
  options: Partial<LearnerOptions> = {},
  onProgress?: (p: Progress) => void | Promise<void>,
  signal?: AbortSignal,
): Promise<Candidate> {
  const start = performance.now();
  checkClasses(data);
  const { isolation } = strategies;
  const settings = { ...LEARNER_DEFAULTS, ...options };
  const context = { crown: data.backbone.crown, earlier };
  const training = data.samples.filter((s) => !s.heldOut);
  const heldOut = data.samples.filter((s) => s.heldOut);
  const trained = await train(
    engine,
    strategies,
    context,
    data.backbone.latentCodec,
    {
      latents: training.map((s) => s.latent),
      labels: training.map((s) => s.label),
      classes: data.classes.length,
      fresh: training.flatMap((s, i) => (s.fresh ? [i] : [])),
      heldOut: { latents: heldOut.map((s) => s.latent), labels: heldOut.map((s) => s.label) },
    },
    settings,
    onProgress,
    signal,
  );
  const tensors = isolation.freeze(context, trained.values);
  const softmax = { weight: trained.headWeight, bias: trained.headBias };
  trained.values.clear();
  const chosen = await fitHead(engine, isolation, context, tensors, data, softmax, settings);
  const { steps, ended, losses, heldOutLosses } = trained;
  const run = {
    seed: settings.seed,
    epochs: losses.length,
    epochsAllowed: settings.epochs,
    steps,
    ended,
    losses,
    heldOutLosses,
  };
  const kept = chosen.head.kind === 'discriminant' ? isolation.withoutFeatures(context, tensors) : tensors;
  return candidate(isolation.name, kept, chosen, data, run, start);
}

/**
 * Fits the heads of a task's network and chooses the best.
 * @param softmax the head that was trained with the network, where there is one
 * @param onDescribed is given the training samples as the network sees them
 */
export async function fitHead(
  engine: Engine,
  isolation: Pick<Isolation, 'name' | 'deploy'>,
  context: IsolationContext,
  tensors: AdapterTensors,
  { backbone, classes, samples }: TaskData,
  softmax: { weight: Float32Array; bias: Float32Array } | undefined,
  { seed, lean }: Pick<LearnerOptions, 'seed' | 'lean'>,
  onDescribed?: (training: DescribedTraining) => void,
): Promise<ChosenHead> {
  if (lean) collectGarbage();
  const network = await TaskNetwork.open(
    engine,
    deployModel(isolation, context, { tensors }),
    backbone.latentCodec,
  );
  try {
    const describe = async (part: readonly LabelledLatent[]): Promise<Described> => ({
      ...(await network.describe(
        part.map((s) => s.latent),
        lean ? LEAN_BATCH : undefined,
      )),
      labels: part.map((s) => s.label),
    });
    const training = await describe(samples.filter((s) => !s.heldOut));
    const heldOut = await describe(samples.filter((s) => s.heldOut));
    onDescribed?.({ ...training, blocks: network.blocks });
    return await chooseHead(training, heldOut, classes, network.blocks, softmax, seed);
  } finally {
    await network.close();
    if (lean) collectGarbage();
  }
}

/** An adapter with its head, and what its training came to. */
export function candidate(
  isolation: string,
  tensors: AdapterTensors,
  chosen: ChosenHead,
  { samples }: TaskData,
  run: Pick<CandidateMetrics, 'seed' | keyof typeof NOTHING_TRAINED>,
  start: number,
): Candidate {
  const heldOutSamples = samples.filter((s) => s.heldOut).length;
  const validated = chosen.validation === 'held-out';
  return {
    adapter: { isolation, tensors, head: chosen.head },
    metrics: {
      trainSamples: samples.length - heldOutSamples,
      heldOutSamples,
      heldOutAccuracy: validated ? chosen.accuracy : null,
      crossValidatedAccuracy: validated ? null : chosen.accuracy,
      head: chosen.head.kind,
      shrinkage: chosen.shrinkage,
      temperature: chosen.temperature,
      ...run,
      seconds: (performance.now() - start) / 1000,
    },
  };
}

/** @throws LichenError `learn-no-samples` when a class has no sample to train on */
export function checkClasses({ classes, samples }: TaskData): void {
  const counts = classes.map((_, c) => samples.filter((s) => !s.heldOut && s.label === c).length);
  const empty = classes.filter((_, c) => counts[c] === 0);
  if (classes.length < 2) {
    throw new LichenError(
      'learn-no-samples',
      `a task needs at least two classes; this one has ${classes.length}`,
    );
  }
  if (empty.length > 0) {
    throw new LichenError(
      'learn-no-samples',
      `no sample to train on for class ${empty.map((c) => `'${c}'`).join(', ')} (held-out samples are not trained on); ` +
        'add samples, or remove the class',
    );
  }
}

/**
 * Whether a trained candidate replaces what answers now: it must be better on the held-out samples. Where
 * nothing is held out there is nothing to compare by, and whoever asked for that gets the candidate.
 */
export function beats(
  candidate: CandidateMetrics,
  current: Pick<CandidateMetrics, 'heldOutAccuracy'>,
): boolean {
  if (candidate.heldOutAccuracy === null || current.heldOutAccuracy === null) return true;
  return candidate.heldOutAccuracy > current.heldOutAccuracy;
}
