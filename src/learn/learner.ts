import { adamRate, RATE_INPUT } from '../autodiff/optimizer.js';
import type { LatentShape } from '../backbone/latent.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { collectGarbage } from '../process-memory.js';
import { Random } from '../random.js';
import { BatchFeed, type TrainingSet } from './batch-feed.js';
import { Focus } from './focus.js';
import { HeldOutLoss } from './held-out-loss.js';
import { LEARNER_DEFAULTS, type LearnerOptions } from './learner-options.js';
import { Plateau } from './plateau.js';
import { HEAD_BIAS, HEAD_WEIGHT, SAMPLE_LOSSES } from './softmax.js';
import { Steps } from './steps.js';
import type { Isolation, IsolationContext, Strategies } from './strategy.js';
import { LOSS, trainingGraph } from './training-graph.js';

/**
 * Steps before samples are chosen by their loss and held-out samples are looked at: a mask crosses its threshold after
 * nine steps at the soonest.
 */
const WARM_STEPS = 24;
/** Fewer steps change too little for another look at the held-out samples, which costs a few steps itself. */
const LOOK_EVERY = 16;
/** Fewer held-out samples say too little to stop by. */
const FEWEST_HELD_OUT = 16;
/** Steps in one run: more save hardly any more of what handing the state out and in takes. */
const MOST_AT_ONCE = 8;
/** A run keeps its thread: whoever waits for an answer of the process waits no longer than about this. */
const LONGEST_RUN_MS = 400;

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

/**
 * The one training loop. It trains what the isolation strategy offers, with a linear softmax head, by Adam
 * inside the graph, on batches that the rehearsal strategy chooses.
 * Where the engine has loops, several steps are one run (see `Steps`); the result is the same.
 * @param onProgress called for every step after the run that it was in; it may return a promise, which holds the loop
 *   (a pause)
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
  const graphOf = () => trainingGraph(strategies, context, rows, set.classes, options, random, pieces);
  const { threads, arena, lean } = options;
  // The graph is nobody's any more when it is compiled.
  const steps = await Steps.compile(engine, graphOf(), { threads, arena, oneByOne: lean });
  if (lean) collectGarbage();
  let heldOut: HeldOutLoss | undefined;
  try {
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
    let atOnce = 1;
    let lookedAt = 0;
    let fallen = false;
    let best: Map<string, Float32Array> | undefined;
    let ended: Trained['ended'] = 'epochs';
    for (let epoch = 1; epoch <= options.epochs && ended === 'epochs'; epoch++) {
      const shown = step < WARM_STEPS ? learned : focus.choose(learned, random);
      const batches = batchesOf(shown, random);
      let sum = 0;
      for (let from = 0; from < batches.length; ) {
        checkAborted(signal);
        const chunk = batches.slice(from, from + atOnce);
        const rates = chunk.map((_, i) => {
          fallen ||= step + i + 1 > options.decayAt * total;
          return adamRate(step + i + 1, fallen ? options.decay : 1);
        });
        const started = performance.now();
        const results = await steps.run({
          ...feed.fillAll(chunk),
          [RATE_INPUT]: { dims: [chunk.length], data: Float32Array.from(rates) },
        });
        if (steps.looped) atOnce = stepsWithin((performance.now() - started) / chunk.length);
        for (const [i, indices] of chunk.entries()) {
          checkAborted(signal);
          step++;
          const loss = results[LOSS]!.data[i]!;
          if (!Number.isFinite(loss)) {
            throw new LichenError(
              'learn-diverged',
              `the loss became ${loss} in step ${step}; lower the learning rates`,
            );
          }
          const each = results[SAMPLE_LOSSES]?.data.subarray(i * rows);
          if (each) focus.saw(indices, feed.unweighted(each, indices.length));
          sum += loss;
          const done = from + i + 1;
          const progress = { epoch, epochs: options.epochs, step, steps: total, loss: sum / done };
          if (done === batches.length && heldOut && step >= WARM_STEPS && step - lookedAt >= LOOK_EVERY) {
            lookedAt = step;
            const now = await heldOut.measure(steps.tensors());
            heldOutLosses.push(now);
            const verdict = plateau.look(now, fallen);
            if (verdict.best) best = copied(steps.values());
            if (verdict.next === 'decay') fallen = true;
            if (verdict.next === 'stop') {
              ended = 'plateau';
              Object.assign(progress, { epochs: epoch, steps: step });
            }
          }
          await onProgress(progress);
        }
        from += chunk.length;
      }
      losses.push(sum / batches.length);
    }
    const values = best ?? steps.values();
    const headWeight = values.get(HEAD_WEIGHT)!;
    const headBias = values.get(HEAD_BIAS)!;
    values.delete(HEAD_WEIGHT);
    values.delete(HEAD_BIAS);
    return { values, headWeight, headBias, losses, heldOutLosses, steps: step, ended };
  } finally {
    await steps.close();
    await heldOut?.close();
  }
}

/** How many steps one run takes, by the time of one. */
const stepsWithin = (stepMs: number): number =>
  Math.min(MOST_AT_ONCE, Math.max(1, Math.floor(LONGEST_RUN_MS / stepMs)));

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LichenError('learn-aborted', 'training was stopped before it ended');
}

const copied = (values: Map<string, Float32Array>) =>
  new Map([...values].map(([name, data]) => [name, data.slice()]));

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
  // Under a cap, the memory of a second network is worth more than the epochs that it may save.
  if (patience === 0 || lean || !heldOut || heldOut.latents.length < FEWEST_HELD_OUT) return undefined;
  const size = Math.min(batch, heldOut.latents.length);
  const feed = new BatchFeed(context, codec, { ...heldOut, classes }, size, labelSmoothing);
  const samples = { count: heldOut.latents.length, batch: size, classes, seed };
  return HeldOutLoss.open(engine, isolation, context, feed, samples, { threads, arena });
}

function exclude(count: number, indices: readonly number[]): number[] {
  const out = new Set(indices);
  return Array.from({ length: count }, (_, i) => i).filter((i) => !out.has(i));
}
