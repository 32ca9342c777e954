import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { encodeAdapter } from '../learn/adapter.js';
import {
  beats,
  type Candidate,
  type CandidateMetrics,
  type DescribedTraining,
  instantCandidate,
  type LabelledLatent,
  type TaskData,
  trainedCandidate,
} from '../learn/candidate.js';
import { deployModel } from '../learn/deploy.js';
import { digestOf } from '../learn/digest.js';
import type { Progress } from '../learn/learner.js';
import { LEARNER_DEFAULTS, type LearnerOptions } from '../learn/learner-options.js';
import { type MemoryPlan, planTraining } from '../learn/memory-plan.js';
import { isolationNamed, regularizationNamed, rehearsalNamed } from '../learn/methods.js';
import { earlierAdapters } from '../recognize/task-model.js';
import type { Store } from '../store/store.js';
import type { Isolation, Task } from '../store/tasks.js';
import type { Requirement, Version } from '../store/versions.js';
import { heldOutAccuracy } from './held-out-accuracy.js';

export interface TrainTaskOptions {
  isolation: Isolation;
  rehearsal: string;
  learner: Partial<LearnerOptions>;
  /** Most resident memory that the process may come to while it trains; bytes. */
  memoryCap?: number;
  onProgress?: (p: Progress) => void | Promise<void>;
  /** Called before training, with the instant answer and the training samples as the frozen network sees them. */
  onInstant?: (instant: CandidateMetrics, training: DescribedTraining) => void | Promise<void>;
  signal?: AbortSignal;
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
  const requires = earlierColumns(store, task, options.isolation);
  const earlier = earlierAdapters(store.versions, requires);
  const strategies = {
    isolation: isolationNamed(options.isolation),
    regularization: regularizationNamed('none'),
    rehearsal: rehearsalNamed(options.rehearsal),
  };
  const given = { ...LEARNER_DEFAULTS, ...options.learner };
  const plan =
    options.memoryCap === undefined
      ? undefined
      : await planTraining(engine, strategies, data, earlier, given, options.memoryCap);
  const fitted = plan ? { pieces: plan.pieces, arena: true, lean: true } : {};
  const settings = { ...options.learner, ...fitted };
  const instant = await answerAtOnce(engine, data, { ...given, ...fitted }, options.onInstant);
  const candidate = await trainedCandidate(
    engine,
    strategies,
    data,
    earlier,
    settings,
    options.onProgress,
    options.signal,
  );
  const deployed = deployModel(strategies.isolation, { crown: backbone.crown, earlier }, candidate.adapter);
  const digest = await digestOf(engine, deployed, backbone.latentCodec);
  const version = store.versions.add({
    task: task.name,
    source: 'trained',
    isolation: options.isolation,
    classes,
    requires,
    adapter: encodeAdapter(candidate.adapter),
    metrics: { ...candidate.metrics, instantAccuracy: instant.metrics.heldOutAccuracy },
    digest,
  });
  const { promoted, reason } = await gate(engine, backbone, store, task, samples, candidate, instant);
  if (promoted) store.versions.promote(task.name, version.id, reason);
  return {
    version,
    promoted,
    reason,
    candidate: candidate.metrics,
    instant: instant.metrics,
    ...(plan && { memory: plan }),
  };
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

/** The columns that a new one grows beside: what every earlier PNN task runs, or ran last. */
function earlierColumns(store: Store, task: Task, isolation: Isolation): Requirement[] {
  if (isolation !== 'pnn') return [];
  const tasks = store.tasks.list();
  return tasks
    .slice(
      0,
      tasks.findIndex((t) => t.name === task.name),
    )
    .flatMap((t) => {
      const current = store.versions.current(t.name);
      return current?.isolation === 'pnn'
        ? [{ task: t.name, version: current.number, sha256: current.sha256 }]
        : [];
    });
}
