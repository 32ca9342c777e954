import type { Engine, FloatTensor } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { Piggyback } from '../learn/isolation/piggyback.js';
import { LEARNER_DEFAULTS } from '../learn/learner-options.js';
import { NoRegularization } from '../learn/regularization/none.js';
import type { Crown } from '../learn/strategy.js';
import { trainingGraph } from '../learn/training-graph.js';
import { type Model, sizeOf, type ValueInfo } from '../onnx/model.js';
import { Random } from '../random.js';

/** Classes of the head that a step is looked at with; their number hardly matters. */
export const CLASSES = 10;

/**
 * The graph of one Piggyback step on a crown, as `lichen learn` runs it.
 * @throws LichenError or RangeError where the crown cannot be trained
 */
export function stepModel(crown: Crown, batch: number): Model {
  const strategies = { isolation: new Piggyback(), regularization: new NoRegularization() };
  const context = { crown, earlier: [] };
  return trainingGraph(strategies, context, batch, CLASSES, LEARNER_DEFAULTS, new Random(0)).model;
}

/** Why a crown's step cannot be built; null where it can. */
export function stepProblem(error: unknown): string {
  if (error instanceof LichenError || error instanceof RangeError) return error.message;
  throw error;
}

export interface StepTimes {
  /** Seconds of the fastest run, and of the one in the middle. */
  fastest: number;
  median: number;
  runs: number;
}

/** How steps are timed. */
export interface Timing {
  /** Threads inside one operator; default: as training has them. */
  threads?: number;
  /** Seconds since any moment. */
  clock: () => number;
}

/** As a person with a watch does it. */
export const WALL_CLOCK: Timing = { clock: () => performance.now() / 1000 };

/** Processor time of one thread: what other programs do disturbs it little. */
export const PROCESSOR_TIME: Timing = {
  threads: 1,
  clock: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};

/**
 * Runs a step some times and says how long that takes. The first runs, in which the runtime plans its memory,
 * do not count.
 * @param atLeast runs that count
 * @param seconds after which no run begins, once there are enough
 */
export async function timeStep(
  engine: Engine,
  model: Model,
  atLeast: number,
  seconds: number,
  { threads, clock }: Timing = WALL_CLOCK,
): Promise<StepTimes> {
  const { graph } = model;
  const feeds: Record<string, FloatTensor> = {};
  for (const i of graph.inputs) {
    const tensor = zeros(i);
    feeds[i.name] = tensor;
    // Values of both signs, none near zero; the optimizer's second moment is a square.
    for (const k of tensor.data.keys()) {
      tensor.data[k] = i.name.endsWith('.adam2') ? 1e-6 : ((k * 37) % 100) / 100 - 0.495;
    }
  }
  // As the learner does it: results go to tensors that are there already.
  const into = Object.fromEntries(graph.outputs.map((o) => [o.name, zeros(o)]));
  const program = await engine.compile(model, { threads });
  try {
    const times: number[] = [];
    for (let k = 0; k < 2; k++) await program.run(feeds, into);
    const until = performance.now() + 1000 * seconds;
    while (times.length < atLeast || performance.now() < until) {
      const start = clock();
      await program.run(feeds, into);
      times.push(clock() - start);
    }
    times.sort((a, b) => a - b);
    return { fastest: times[0]!, median: times[times.length >> 1]!, runs: times.length };
  } finally {
    await program.close();
  }
}

function zeros(info: ValueInfo): FloatTensor {
  const dims = (info.dims ?? []).map(Number);
  return { dims, data: new Float32Array(sizeOf(dims)) };
}
