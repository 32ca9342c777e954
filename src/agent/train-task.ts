import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { encodeAdapter } from '../learn/adapter.js';
import {
  beats,
  type Candidate,
  type CandidateMetrics,
  type DescribedTraining,
  instantCandidate,
  type LabelledLatent,
  type TaskData,
} from '../learn/candidate.js';
import { deployModel } from '../learn/deploy.js';
import { methodName } from '../learn/device-method.js';
import { digestOf } from '../learn/digest.js';
import { LEARNER_DEFAULTS, type LearnerOptions } from '../learn/learner-options.js';
import type { MemoryPlan } from '../learn/memory-plan.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';
import type { Isolation, Task } from '../store/tasks.js';
import type { Version } from '../store/versions.js';
import { type Growth, growWhereNeeded } from './growth.js';
import { heldOutAccuracy } from './held-out-accuracy.js';
import { fittedTo, type IsolationTrainingOptions, prepare, trainPrepared } from './isolation-training.js';
import { bytesKeptForLearning } from './kept-for-learning.js';
import { type AffectedTask, commitTrained, forgottenBy } from './learner-commit.js';
import { type LearnerTrainingOptions, trainWithLearner } from './learner-training.js';

export interface TrainTaskOptions extends IsolationTrainingOptions {
  isolation: Isolation;
  /** Grows a column where the mask does not do, whatever the task's isolation is otherwise. */
  growth?: Growth | undefined;
  /** For isolations whose tasks one learner learns: how it learns, and where it remembers. */
  shared?: LearnerTrainingOptions | undefined;
  /** The replay memory, where columns take their part of its cap. */
  memory?: ReplayMemory | undefined;
  /** Called before training, with the instant answer and the training samples as the frozen network sees them. */
  onInstant?: (instant: CandidateMetrics, training: DescribedTraining) => void | Promise<void>;
}

export interface TrainedTask {
  version: Version;
  promoted: boolean;
  /** Why it was promoted or not, for people. */
  reason: string;
  candidate: CandidateMetrics;
  instant: CandidateMetrics;
  /** How the training was fitted under a cap, where there was one. */
  memory?: MemoryPlan;
  /** Other tasks of the same network, and what the training did to them; they have new versions where it was promoted. */
  affected: AffectedTask[];
}

/**
 * Trains a task's adapter, keeps it as a version, and promotes it if it beats what answers now, and the instant
 * answer, on the held-out samples. A crash at any moment leaves the versions before or the versions after.
 * @throws LichenError as `trainedCandidate` does, and `memory-cap` where the training cannot stay below its cap
 */
export async function trainTask(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  task: Task,
  samples: readonly LabelledLatent[],
  options: TrainTaskOptions,
): Promise<TrainedTask> {
  const classes = task.classes;
  const data = { backbone, classes, samples };
  if (options.shared) return trainShared(engine, data, store, task, { ...options, shared: options.shared });
  const room = { engine, store, task, data, options };
  const first = options.growth ? 'piggyback' : options.isolation;
  const prepared = await prepare(room, first);
  const given = { ...LEARNER_DEFAULTS, ...options.learner };
  const instant = await answerAtOnce(
    engine,
    data,
    { ...given, ...fittedTo(prepared.plan) },
    options.onInstant,
  );
  const mask = { ...prepared, candidate: await trainPrepared(room, prepared) };
  const grown = options.growth && (await growWhereNeeded(room, options.growth, mask, instant.metrics));
  const { candidate, isolation, requires, earlier, strategies, plan } = grown?.better ?? mask;
  const deployed = deployModel(strategies.isolation, { crown: backbone.crown, earlier }, candidate.adapter);
  const digest = await digestOf(engine, deployed, backbone.latentCodec);
  const version = store.versions.add({
    task: task.name,
    source: 'trained',
    isolation,
    classes,
    requires,
    adapter: encodeAdapter(candidate.adapter),
    metrics: { ...candidate.metrics, instantAccuracy: instant.metrics.heldOutAccuracy },
    digest,
  });
  const gated = await gate(engine, backbone, store, task, samples, candidate, instant);
  const { promoted, reason: compared } = gated.promoted
    ? makeRoom(store, version, gated, options.memory)
    : gated;
  const reason = grown ? `${compared}; ${grown.reason}` : compared;
  if (promoted) store.versions.promote(task.name, version.id, reason);
  return {
    version,
    promoted,
    reason,
    candidate: candidate.metrics,
    instant: instant.metrics,
    affected: [],
    ...(plan && { memory: plan }),
  };
}

/** Trains a task with a learner of several tasks; other tasks of the same network change with it. */
async function trainShared(
  engine: Engine,
  data: TaskData,
  store: Store,
  task: Task,
  options: TrainTaskOptions & { shared: LearnerTrainingOptions },
): Promise<TrainedTask> {
  const { backbone, samples } = data;
  const { shared, onProgress, signal, memoryCap } = options;
  if (memoryCap !== undefined) {
    throw new LichenError(
      'memory-cap',
      `a training by ${methodName(shared.method)} cannot be fitted under a cap of resident memory; use piggyback or pnn, or no cap`,
    );
  }
  const learner = { ...LEARNER_DEFAULTS, ...options.learner };
  const instant = await answerAtOnce(engine, data, learner, options.onInstant);
  const room = { engine, backbone, store, task, samples, options: shared, learner, onProgress, signal };
  const trained = await trainWithLearner(room);
  const compared = await gate(engine, backbone, store, task, samples, trained.candidate, instant);
  const forgotten = compared.promoted ? forgottenBy(trained.affected, shared.forgetting) : undefined;
  const outcome = forgotten ? { promoted: false, reason: `${compared.reason}; ${forgotten}` } : compared;
  const { memory, method } = shared;
  const atOnce = instant.metrics.heldOutAccuracy;
  const version = commitTrained(store, memory, method, trained, atOnce, outcome);
  return {
    ...{ version, ...outcome },
    candidate: trained.candidate.metrics,
    instant: instant.metrics,
    affected: trained.affected.map(({ task, heldOutSamples, before, after }) => ({
      ...{ task, heldOutSamples, before, after },
    })),
  };
}

/** Makes room for a column under the replay memory's cap; one that does not fit is not promoted. */
function makeRoom(
  store: Store,
  { task, isolation, adapterBytes }: Version,
  gated: { promoted: boolean; reason: string },
  memory: ReplayMemory | undefined,
): { promoted: boolean; reason: string } {
  const column = isolation === 'pnn' ? adapterBytes : 0;
  try {
    memory?.reserve(bytesKeptForLearning(store, { task }) + column);
    return gated;
  } catch (error) {
    if (!(error instanceof LichenError && error.code === 'replay-cap-too-small')) throw error;
    return { promoted: false, reason: `${gated.reason}; ${error.message}` };
  }
}

async function answerAtOnce(
  engine: Engine,
  data: TaskData,
  settings: Pick<LearnerOptions, 'seed' | 'lean'>,
  onInstant: TrainTaskOptions['onInstant'],
): Promise<Candidate> {
  let described: DescribedTraining | undefined;
  const instant = await instantCandidate(engine, data, settings, (training) => {
    described = training;
  });
  await onInstant?.(instant.metrics, described!);
  return instant;
}

/** Compares a candidate with the instant answer and with the version that answers now, on today's held-out samples. */
async function gate(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  task: Task,
  samples: readonly LabelledLatent[],
  candidate: Candidate,
  instant: Candidate,
): Promise<{ promoted: boolean; reason: string }> {
  const mine = candidate.metrics.heldOutAccuracy;
  if (mine === null) return { promoted: true, reason: 'nothing was held out to compare by' };
  const share = (v: number) => `${(100 * v).toFixed(1)} %`;
  const than = (what: string, theirs: number) => `${share(mine)} held out, ${what} ${share(theirs)}`;
  if (!beats(candidate.metrics, instant.metrics)) {
    return { promoted: false, reason: than('the instant answer', instant.metrics.heldOutAccuracy!) };
  }
  const current = store.versions.current(task.name);
  // A version that lacks a class of today's cannot be compared, and answers worse by that.
  if (current && String(current.classes) === String(task.classes)) {
    const theirs = await heldOutAccuracy(engine, backbone, store, task, current, samples);
    if (!beats(candidate.metrics, { heldOutAccuracy: theirs })) {
      return { promoted: false, reason: than(`version ${current.number}`, theirs) };
    }
    return { promoted: true, reason: than(`version ${current.number}`, theirs) };
  }
  return { promoted: true, reason: than('the instant answer', instant.metrics.heldOutAccuracy!) };
}
