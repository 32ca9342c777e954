import { inPlaceUpdates } from '../autodiff/in-place.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { liveBytes } from '../onnx/live-bytes.js';
import { type Graph, type Model, sizeOf } from '../onnx/model.js';
import { collectGarbage, hasLeanAllocator, residentBytes } from '../process-memory.js';
import { Random } from '../random.js';
import type { AdapterTensors } from './adapter.js';
import { LEAN_BATCH, type TaskData } from './candidate.js';
import { deployModel } from './deploy.js';
import { Frozen } from './isolation/frozen.js';
import type { LearnerOptions } from './learner-options.js';
import { capObstacle } from './memory-cap.js';
import type { StepGraph } from './steps.js';
import type { IsolationContext, Strategies } from './strategy.js';
import { trainingGraph } from './training-graph.js';

/** How a training is fitted under a cap. */
export interface MemoryPlan {
  capBytes: number;
  /** Resident memory when the training began. */
  residentBytes: number;
  /** Samples that a step works on at once, and how many such pieces make a batch. */
  micro: number;
  pieces: number;
  /** What the process's resident memory is expected to come to. */
  estimatedPeakBytes: number;
}

/** Pieces of a batch are written out in the step's graph: more of them would make it too large itself. */
const MOST_PIECES = 64;
const MIB = 2 ** 20;

/** What memory comes to, calibrated against the peaks of real trainings; see docs/benchmarks.md. */
interface Calibration {
  /** A node in the graph as built, as encoded and as compiled. */
  node: number;
  /** What the arena takes beside, where it is not told to give back what is freed. */
  workspace: number;
  /** What earlier phases have freed and the allocator neither gives back nor can use again; packing the adapter. */
  margin: number;
  /** How far what a process has before it begins differs from one run to the next. */
  spread: number;
}

const CALIBRATION: Calibration = {
  node: 13_000,
  workspace: 11 * MIB,
  margin: 20 * MIB,
  spread: 24 * MIB,
};
/** Where the C library's allocator gives back what was freed. */
const LEAN_CALIBRATION: Calibration = {
  node: 6000,
  workspace: 0,
  margin: 8 * MIB,
  spread: 4 * MIB,
};

/** Copies of the constants while a graph is compiled: encoded, as the runtime reads them, as it keeps them. */
const COMPILING = 3.5;
/**
 * What the runtime's arena takes for tensors that are alive at the same time: they never fit without gaps. Those that have a weight's
 * shape leave few; those of a batch more, each layer's being of its own size, and most where several pieces come one after the other.
 */
const ARENA = { weights: 1.6, batch: 2, pieces: 3.7 };

const calibration = (): Calibration => (hasLeanAllocator() ? LEAN_CALIBRATION : CALIBRATION);

/**
 * Memory of a graph's inner tensors, as the runtime's arena holds it.
 * @param weights what is alive whatever the batch
 * @param gaps how much of it the tensors of a batch take, as a multiple of theirs
 */
const arenaBytes = (graph: Graph, weights: number, gaps: number): number =>
  ARENA.weights * weights + gaps * Math.max(0, liveBytes(graph) - weights) + calibration().workspace;

/**
 * Chooses the pieces of a batch, as few as possible, so that the resident memory of the whole process stays below a
 * cap throughout a training. The estimate stands on what the process has now and on the graphs that it will run.
 * @throws LichenError `memory-cap` where even the smallest pieces do not fit: the smallest cap that would do; and for
 *   another engine than ONNX Runtime
 */
export async function planTraining(
  engine: Engine,
  strategies: Strategies,
  data: TaskData,
  earlier: readonly AdapterTensors[],
  options: LearnerOptions,
  cap: number,
): Promise<MemoryPlan> {
  const obstacle = capObstacle(engine.name === 'ort' ? 'ort' : 'tfjs');
  if (obstacle !== undefined) throw new LichenError('memory-cap', obstacle);
  // What the runtime loads for its first graph belongs to what the process has.
  await (await engine.compile(tiny(), { threads: options.threads })).close();
  const context = { crown: data.backbone.crown, earlier };
  const count = data.samples.filter((s) => !s.heldOut).length;
  const batch = Math.min(options.batch, count);
  const classes = data.classes.length;
  const graphOf = (rows: number, pieces: number) =>
    trainingGraph(strategies, context, rows, classes, options, new Random(options.seed), pieces);
  const { least: one, adapter } = ofOneSample(graphOf(1, 1));
  const several = leastBytes(graphOf, 2);
  const head = headBytes(context, data, adapter);
  let resident = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let micro = batch; micro >= 1; micro = Math.floor(micro / 2)) {
    const pieces = Math.ceil(batch / micro);
    if (pieces > MOST_PIECES) break;
    // The graph is not kept: the next one takes its place.
    const step = stepBytes(graphOf(pieces * micro, pieces), pieces, pieces > 1 ? several : one);
    const needed = Math.max(step, head);
    collectGarbage();
    // What looking at graphs left behind is the process's, too.
    resident = residentBytes('VmRSS');
    const estimate = resident + needed + calibration().margin;
    if (estimate <= cap)
      return { capBytes: cap, residentBytes: resident, micro, pieces, estimatedPeakBytes: estimate };
    smallest = Math.min(smallest, estimate);
  }
  const whole = (bytes: number) => Math.ceil(bytes / MIB);
  throw new LichenError(
    'memory-cap',
    `a training cannot stay below ${Math.floor(cap / MIB)} MiB: the process has ${whole(resident)} MiB before it begins, and ` +
      `comes to ${whole(smallest)} MiB with the smallest pieces that a batch of ${batch} is computed in. The smallest cap that ` +
      `would do is ${whole(smallest + calibration().spread)} MiB`,
  );
}

/** What is alive at one time in a step of one sample a piece: nearly all of it has the shape of a weight. */
export const leastBytes = (graphOf: (rows: number, pieces: number) => StepGraph, pieces: number): number =>
  liveBytes(graphOf(pieces, pieces).model.graph);

/**
 * What a step's graph needs from when it is built to its last run, one step a run.
 * @param least `leastBytes` of the same, in two pieces where there are more
 */
export function stepBytes(graph: StepGraph, pieces: number, least: number): number {
  const { model, parameters, steps } = graph;
  const updates = new Map(steps.flatMap((s) => [...s.updates]));
  const inPlace = inPlaceUpdates(model.graph, updates);
  let state = 0;
  let outputs = 0;
  for (const { name, dims } of model.graph.inputs) {
    const bytes = 4 * sizeOf((dims ?? []).map(Number));
    // A latent or target has one tensor; what is updated has a second one unless it is updated in place, and the
    // runtime's binding makes a copy of its result.
    state += updates.has(name) && !inPlace.has(name) ? 2 * bytes : bytes;
    if (updates.has(name)) outputs += bytes;
  }
  const constants = constantBytes(model.graph);
  const initial = bytesOf(parameters);
  const nodes = calibration().node * model.graph.nodes.length;
  const compiling = initial + COMPILING * constants;
  const gaps = pieces > 1 ? ARENA.pieces : ARENA.batch;
  const arena = arenaBytes(model.graph, least, gaps);
  const running = constants + state + outputs + arena;
  return nodes + Math.max(compiling, running);
}

/** `leastBytes` of one piece, and the bytes of what is trained, of the same graph, which is then let go of. */
const ofOneSample = ({ model, parameters }: StepGraph): { least: number; adapter: number } => ({
  least: liveBytes(model.graph),
  adapter: bytesOf(parameters),
});

const bytesOf = (parameters: StepGraph['parameters']): number =>
  parameters.reduce((sum, p) => sum + 4 * p.initial.length, 0);

/**
 * What fitting heads needs: the task's network, what it says of every sample, and the inner products.
 * @param adapter bytes of what is trained
 */
function headBytes({ crown }: IsolationContext, { classes, samples }: TaskData, adapter: number): number {
  // A task's network is the crown with other weights, or with what it learned beside it.
  const { model, blocks } = deployModel(new Frozen(), { crown, earlier: [] }, { tensors: new Map() });
  const graph = forBatch(model.graph, LEAN_BATCH);
  const constants = constantBytes(graph);
  const summary = blocks.reduce((sum, width) => sum + width, 0);
  const features = sizeOf(outputDims(graph, 0)) / LEAN_BATCH;
  const trained = samples.filter((s) => !s.heldOut).length;
  const rows = 4 * samples.length * (summary + features);
  // Scaled rows, inner products and a factorization of them; a weight for every shrinkage that is tried.
  const fitting = 4 * trained * summary + 3 * 8 * trained ** 2 + 6 * 4 * classes.length * summary;
  // The streaming discriminant of the same samples: half a matrix, and scaled rows that it takes in.
  const streaming = 2 * summary ** 2 + 4 * trained * summary;
  const nodes = calibration().node * graph.nodes.length;
  const running = constants + arenaBytes(graph, 0, ARENA.batch) + rows;
  const kept = adapter + constants + nodes;
  return kept + Math.max(COMPILING * constants, running, constants + rows + Math.max(fitting, streaming));
}

const constantBytes = (graph: Graph): number =>
  [...graph.initializers.values()].reduce((sum, t) => sum + t.data.byteLength, 0);

const outputDims = (graph: Graph, k: number): number[] => (graph.outputs[k]?.dims ?? []).map(Number);

/** A deployed network's graph with a number for its symbolic batch. */
function forBatch(graph: Graph, batch: number): Graph {
  const fixed = (values: Graph['inputs']) =>
    values.map((v) => ({ ...v, dims: [batch, ...(v.dims ?? []).slice(1)] }));
  return { ...graph, inputs: fixed(graph.inputs), outputs: fixed(graph.outputs) };
}

function tiny(): Model {
  const b = new GraphBuilder();
  b.input('x', [1]);
  b.op('Relu', ['x'], {}, 'y');
  b.output('y');
  return b.model('tiny');
}
