import type { Engine } from '../engine/engine.js';
import type { Cut } from './cuts.js';
import { fitRates, type Measured, type Rates, secondsOf } from './fit.js';
import { stepModel, stepProblem, timeStep, WALL_CLOCK } from './step.js';
import { type Work, workOf } from './work.js';

/** A cut whose step can be built, and the work of that step. */
export interface TrainableCut {
  cut: Cut;
  batch: number;
  work: Work;
}

/** A step that was measured. */
export interface Anchor extends Measured {
  tensor: string;
  batch: number;
  runs: number;
  /** Seconds of the run in the middle: well above the fastest where other programs were busy. */
  median: number;
  /** What the fitted rates say of it. */
  estimate: number;
}

export interface Calibration {
  anchors: Anchor[];
  rates: Rates;
  /** What the measuring took. */
  seconds: number;
}

/** Depths at which steps are measured, as shares of the deepest step's work, in the order of measuring. */
const DEPTHS = [0, 1, 0.1, 0.35];
/** A step of nearly the work of one that is measured already tells nothing new. */
const APART = 1.5;
/** A step that moves more bytes is measured at a smaller batch: it would take too long, and too much memory. */
const MOVED_LIMIT = 1e9;
const RUNS = 4;
const SECONDS_EACH = 0.4;
/** No measurement begins after this, once there are two. */
const SECONDS_ALL = 4;

/**
 * Builds the step of every cut, to know its work. A step that cannot be built is said at its cut.
 * @param onProgress called after every cut
 */
export function buildSteps(
  cuts: readonly Cut[],
  batch: number,
  onProgress: (done: number) => void = () => {},
): { steps: TrainableCut[]; refused: Map<Cut, string> } {
  const steps: TrainableCut[] = [];
  const refused = new Map<Cut, string>();
  for (const [i, cut] of cuts.entries()) {
    if (cut.obstacle !== null || !cut.start) refused.set(cut, cut.obstacle ?? '');
    else {
      try {
        steps.push({ cut, batch, work: workOf(stepModel(cut.start, batch).graph) });
      } catch (error) {
        refused.set(cut, stepProblem(error));
      }
    }
    onProgress(i + 1);
  }
  return { steps, refused };
}

/**
 * Measures a few real steps of the network on this machine, from shallow to deep, and fits what each kind of
 * work takes. Some seconds, and no more memory than a step on the default backbone.
 * @returns null where there is no step to measure
 */
export async function calibrate(
  engine: Engine,
  steps: readonly TrainableCut[],
  onProgress: (text: string) => void = () => {},
  timing = WALL_CLOCK,
): Promise<Calibration | null> {
  const start = performance.now();
  const measured: Omit<Anchor, 'estimate'>[] = [];
  for (const step of anchorsOf(steps)) {
    if (measured.length >= 2 && performance.now() - start > 1000 * SECONDS_ALL) break;
    const { model, batch, work } = affordable(step);
    onProgress(`${step.cut.tensor}, batch ${batch}`);
    const { fastest, median, runs } = await timeStep(engine, model, RUNS, SECONDS_EACH, timing);
    measured.push({ tensor: step.cut.tensor, batch, work, seconds: fastest, median, runs });
  }
  if (measured.length === 0) return null;
  const rates = fitRates(measured);
  const anchors = measured.map((m) => ({ ...m, estimate: secondsOf(m.work, rates) }));
  return { anchors, rates, seconds: (performance.now() - start) / 1000 };
}

/** The steps nearest to the wanted depths; none twice, nor two that are nearly the same. */
function anchorsOf(steps: readonly TrainableCut[]): TrainableCut[] {
  const deepest = Math.max(...steps.map((s) => s.work.moved));
  const chosen: TrainableCut[] = [];
  for (const share of DEPTHS) {
    const away = (s: TrainableCut) => Math.abs(s.work.moved - share * deepest);
    const nearest = steps.toSorted((a, b) => away(a) - away(b))[0];
    const apart = (s: TrainableCut) =>
      Math.max(s.work.moved, nearest!.work.moved) > APART * Math.min(s.work.moved, nearest!.work.moved);
    if (nearest && chosen.every(apart)) chosen.push(nearest);
  }
  return chosen;
}

/** A step at the largest of some batches, at most its own, that stays below the limit; else at batch 1. */
export function affordable({ cut, batch, work }: TrainableCut): {
  model: ReturnType<typeof stepModel>;
  batch: number;
  work: Work;
} {
  let at = batch;
  let own = work;
  let model = stepModel(cut.start!, at);
  while (at > 1 && own.moved > MOVED_LIMIT) {
    at = Math.max(1, Math.floor(at / 4));
    model = stepModel(cut.start!, at);
    own = workOf(model.graph);
  }
  return { model, batch: at, work: own };
}
