import type { Engine } from '../engine/engine.js';
import type { AdapterTensors } from '../learn/adapter.js';
import { type Candidate, type TaskData, trainedCandidate } from '../learn/candidate.js';
import type { Progress } from '../learn/learner.js';
import { LEARNER_DEFAULTS, type LearnerOptions } from '../learn/learner-options.js';
import { type MemoryPlan, planTraining } from '../learn/memory-plan.js';
import { isolationNamed, regularizationNamed, rehearsalNamed } from '../learn/methods.js';
import type { Strategies } from '../learn/strategy.js';
import { earlierAdapters } from '../recognize/task-model.js';
import type { Store } from '../store/store.js';
import type { Isolation, Task } from '../store/tasks.js';
import type { Requirement } from '../store/versions.js';

/** What a training is told, whatever the isolation. */
export interface IsolationTrainingOptions {
  rehearsal: string;
  learner: Partial<LearnerOptions>;
  /** Most resident memory that the process may come to while it trains; bytes. */
  memoryCap?: number;
  onProgress?: (p: Progress) => void | Promise<void>;
  signal?: AbortSignal;
}

/** What a training works with. */
export interface Room {
  engine: Engine;
  store: Store;
  task: Task;
  data: TaskData;
  options: IsolationTrainingOptions;
}

/** One isolation's training, ready to begin. */
export interface Prepared {
  isolation: Isolation;
  requires: Requirement[];
  earlier: AdapterTensors[];
  strategies: Strategies;
  plan: MemoryPlan | undefined;
}

export type Trained = Prepared & { candidate: Candidate };

/** @throws LichenError `memory-cap` where the training cannot stay below its cap */
export async function prepare(
  { engine, store, task, data, options }: Room,
  isolation: Isolation,
): Promise<Prepared> {
  const requires = earlierColumns(store, task, isolation);
  const earlier = earlierAdapters(store.versions, requires);
  const strategies = {
    isolation: isolationNamed(isolation),
    regularization: regularizationNamed('none'),
    rehearsal: rehearsalNamed(options.rehearsal),
  };
  const { memoryCap, learner } = options;
  const given = { ...LEARNER_DEFAULTS, ...learner };
  const plan =
    memoryCap === undefined
      ? undefined
      : await planTraining(engine, strategies, data, earlier, given, memoryCap);
  return { isolation, requires, earlier, strategies, plan };
}

/** @throws LichenError as `trainedCandidate` does */
export function trainPrepared(
  { engine, data, options: { learner, onProgress, signal } }: Room,
  { strategies, earlier, plan }: Prepared,
): Promise<Candidate> {
  const settings = { ...learner, ...fittedTo(plan) };
  return trainedCandidate(engine, strategies, data, earlier, settings, onProgress, signal);
}

/** What a plan asks of the learner. */
export const fittedTo = (plan: MemoryPlan | undefined) =>
  plan ? { pieces: plan.pieces, arena: true, lean: true } : {};

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
