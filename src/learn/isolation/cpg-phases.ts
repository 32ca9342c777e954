import type { AdapterTensors } from '../adapter.js';
import { type Samples, subset } from '../samples.js';
import { accuracyOf } from '../sequence/continual-learner.js';
import { fedBy } from '../sequence/headed.js';
import { stepDecay } from '../sequence/schedule.js';
import type { LearnedTask, TaskLearning } from '../sequence/task-networks.js';
import { TaskPredictor } from '../sequence/task-predictor.js';
import type { TaskHead } from '../sequence/task-trainer.js';
import type { Isolation, TrainableNetwork } from '../strategy.js';
import {
  carriedOver,
  type Draft,
  networkOf,
  type PickingOptions,
  pruned,
  startDraft,
  tensorsOf,
  withValues,
} from './cpg-draft.js';
import { widthsOf } from './cpg-weights.js';
import { FineTuning } from './fine-tuning.js';
import { growableLayers, type Widths } from './widening.js';

export interface PhaseOptions extends PickingOptions {
  /** Whether the crown is a trained network, which then owns its weights; otherwise all its weights are free at first. */
  pretrained: boolean;
  /**
   * The accuracy that a task is to have on its held-out samples. `reached`: `margin` below what it reaches with all
   * free weights, so that the network never grows. `fine-tuned`: `margin` below what a copy of the crown reaches that is
   * trained whole. Or the accuracy itself, of all tasks or of each; tasks without one have `reached`.
   */
  goal: 'reached' | 'fine-tuned' | number | readonly number[];
  margin: number;
  /** Share of a task's samples that say whether the goal is met; the last epochs train on them, too. */
  heldOut: number;
  /** Share of a task's own weights that a step of pruning releases; with 0 nothing is released. */
  release: number;
  /**
   * The largest share of the free weights that a task keeps: it is pruned to that whatever the goal, so that there is
   * something free for later tasks, also where few held-out samples say little.
   */
  mostKept: number;
  /** Epochs of training after a step of pruning. */
  retrainEpochs: number;
  /** Epochs of training at the end, on all samples. */
  finalEpochs: number;
  /** How much wider the network becomes when the goal is missed, as a share of the crown's widths. */
  growth: number;
  /** The widest that the network may become, as a multiple of the crown's widths. */
  mostWidth: number;
}

/** A task's own weights are not pruned to less than this share of what was free. */
const LEAST_SHARE = 0.01;

interface Attempt {
  draft: Draft;
  head: TaskHead;
  /** On held-out samples. */
  accuracy: number;
}

/**
 * Learns a task (Hung et al. 2019, section 3): picks and trains with all free weights, grows while the goal is missed,
 * prunes gradually while it is kept, and trains what is left on all samples.
 */
export async function learnInPhases(
  isolation: Isolation,
  options: PhaseOptions,
  { trainer, context, learned, task, number, report }: TaskLearning,
): Promise<LearnedTask[]> {
  const { random } = trainer;
  const { epochs } = trainer.options;
  const kept = (tensors: AdapterTensors, head: TaskHead) => [
    ...learned,
    { classes: task.classes, tensors, head },
  ];

  const train = (
    network: (input: string, batch: number) => TrainableNetwork,
    samples: Samples,
    length: number,
    head?: TaskHead,
  ) =>
    trainer.train(
      { ...{ task, number, network, samples, epochs: length, schedule: stepDecay }, ...(head && { head }) },
      report,
    );

  const trainDraft = async (draft: Draft, samples: Samples, length: number, head?: TaskHead) => {
    const { values, head: trained } = await train(
      (input, batch) => networkOf({ ...draft, crown: fedBy(draft.crown, input) }, batch, options),
      samples,
      length,
      head,
    );
    return { draft: withValues(draft, values), head: trained };
  };

  const test = async (tested: Isolation, tensors: AdapterTensors, head: TaskHead, samples: Samples) => {
    const { engine, options: all } = trainer;
    const predictor = await TaskPredictor.open(engine, tested, context, { tensors, head }, all.threads);
    try {
      const labels = Array.from(samples.labels, (label) => task.classes.indexOf(label));
      return accuracyOf(await predictor.probabilities(samples), labels);
    } finally {
      await predictor.close();
    }
  };

  const start = startDraft(context, options.pretrained, widthsOf(context.earlier.at(-1)), options, random);
  const wanted = typeof options.goal === 'object' ? (options.goal[number] ?? 'reached') : options.goal;
  if (wanted === 'reached' && freeWeights(start) === 0) {
    // Nothing to release and nothing to grow for: no sample need be held out.
    const { draft, head } = await trainDraft(start, task.train, epochs);
    return kept(tensorsOf(draft, options), head);
  }

  const order = random.shuffle(Array.from({ length: task.train.count }, (_, i) => i));
  const count = Math.max(1, Math.round(options.heldOut * task.train.count));
  const [heldOut, rest] = [subset(task.train, order.slice(0, count)), subset(task.train, order.slice(count))];
  const attempt = async (draft: Draft, length: number, head?: TaskHead): Promise<Attempt> => {
    const trained = await trainDraft(draft, rest, length, head);
    const accuracy = await test(isolation, tensorsOf(trained.draft, options), trained.head, heldOut);
    return { ...trained, accuracy };
  };

  const fineTuned = async () => {
    const whole = new FineTuning(options.rate);
    const network = (input: string, batch: number) =>
      whole.network({ crown: fedBy(context.crown, input), earlier: [] }, batch);
    const { values, head } = await train(network, rest, epochs);
    const alone = { crown: context.crown, earlier: [] };
    return test(whole, whole.freeze(alone, values), head, heldOut);
  };

  let best = await attempt(start, epochs);
  const goal =
    wanted === 'reached'
      ? best.accuracy - options.margin
      : wanted === 'fine-tuned'
        ? (await fineTuned()) - options.margin
        : wanted;

  while (best.accuracy < goal) {
    const widths = wider(context.crown, widthsIn(best.draft), options);
    if (!widths) break;
    const empty = startDraft(context, options.pretrained, widths, options, random);
    const grown = await attempt(carriedOver(best.draft, empty), epochs, widerHead(best, empty, options));
    // Room that did not help is not kept.
    if (grown.accuracy <= best.accuracy) break;
    best = grown;
  }

  const least = best.accuracy >= goal ? goal : best.accuracy - options.margin;
  const free = freeWeights(best.draft);
  while (options.release > 0 && freeWeights(best.draft) > LEAST_SHARE * free) {
    const next = await attempt(pruned(best.draft, 1 - options.release), options.retrainEpochs, best.head);
    if (next.accuracy < least && freeWeights(best.draft) <= options.mostKept * free) break;
    best = next;
  }

  const { draft, head } = await trainDraft(best.draft, task.train, options.finalEpochs, best.head);
  return kept(tensorsOf(draft, options), head);
}

/** Weights that a task may train. */
function freeWeights({ layers }: Draft): number {
  let sum = 0;
  for (const { kept } of layers.values()) for (const k of kept) sum += k;
  return sum;
}

function widthsIn({ layers }: Draft): Widths {
  return new Map([...layers].map(([key, { channels }]) => [key, channels]));
}

/** The next widths; undefined where no layer can become wider. */
function wider(
  crown: Draft['crown'],
  widths: Widths,
  { growth, mostWidth }: PhaseOptions,
): Widths | undefined {
  const next = new Map(widths);
  let grew = false;
  for (const [key, base] of growableLayers(crown)) {
    const now = widths.get(key)!;
    const most = Math.min(now + Math.max(1, Math.round(growth * base)), Math.floor(mostWidth * base));
    if (most <= now) continue;
    next.set(key, most);
    grew = true;
  }
  return grew ? next : undefined;
}

/** The head for more features; it does not read the new ones at first. */
function widerHead({ draft, head }: Attempt, wide: Draft, options: PhaseOptions): TaskHead {
  const featuresOf = (d: Draft) => {
    const { builder, features } = networkOf(d, 1, options);
    return builder.shape(features)[1]!;
  };
  const [from, to] = [featuresOf(draft), featuresOf(wide)];
  const weight = new Float32Array(head.bias.length * to);
  for (let c = 0; c < head.bias.length; c++)
    weight.set(head.weight.subarray(c * from, (c + 1) * from), c * to);
  return { weight, bias: head.bias };
}
