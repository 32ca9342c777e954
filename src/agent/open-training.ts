import { LichenError, messageOf } from '../errors.js';
import { PATIENCE } from '../learn/learner-options.js';
import type { TellChange, TellEvent } from '../link/event-data.js';
import { Guards, TrainingNotNow } from './guards.js';
import { methodOf, methodSettings } from './learn-config.js';
import type { AgentParts, Rooms } from './open-rooms.js';
import { Training } from './training.js';

/** Samples that a training works on at once: the fewer, the less memory; one by one they would take longer. */
const PIECE = 2;
/** Each piece is written out in the step's graph. */
const MOST_PIECES = 8;

/** Whom a training tells what became of it. */
export interface Told {
  /** An event for whoever listens. */
  report: TellEvent;
  /** What a task runs from now on. */
  runs: TellChange;
  /** The accuracy of a task's instant answer, where it could be measured. */
  measured(task: string, instantAccuracy: number | null): void;
}

/** The training of an agent: its settings and guards, and every outcome as an event. */
export function openTraining(parts: AgentParts, rooms: Rooms, told: Told): Training {
  const { config, profile, log, notifier } = parts;
  const { engine, backbone, store, memory, discriminants } = rooms;
  const guards = new Guards(config.guards, profile);
  return new Training({
    engine,
    backbone,
    store,
    memory,
    discriminants,
    methodOf: (task, isolation) => methodOf(config.learn, config.tasks[task], isolation),
    shared: {
      settings: methodSettings(config.learn),
      rate: config.learn.rate,
      forgetting: config.learn.forgetting,
    },
    learnerOf: (task) => ({
      epochs: config.tasks[task]?.epochs ?? config.learn.epochs,
      batch: config.learn.batch,
      seed: config.learn.seed,
      hardest: config.learn.hardest,
      patience: config.learn.earlyStopping ? PATIENCE : 0,
      threads: profile.threads,
      arena: profile.arena,
      // A device has less memory to spare than time; what early stopping looks with does not fit in with it.
      lean: !config.learn.earlyStopping,
      pieces: Math.min(MOST_PIECES, Math.ceil(config.learn.batch / PIECE)),
    }),
    growthOf: (task) =>
      (config.tasks[task]?.isolation ?? config.learn.isolation) === 'auto' ? config.learn.growth : undefined,
    memoryCap: config.memory.cap,
    newLabels: config.learn.newLabels,
    quietMs: 2000,
    allowed: () => guards.mayTrain(config.store),
    onStart: (task) => told.report('training-started', 'info', `training '${task}'`, { task }),
    onProgress: () => notifier.progress(),
    onTrained: async (task, t) => {
      told.measured(task, t.instant.heldOutAccuracy);
      const { number } = t.version;
      const what = t.promoted ? 'promoted' : 'kept as a candidate';
      await told.runs(
        task,
        t.promoted ? 'promoted' : 'candidate-kept',
        `version ${number} of '${task}' ${what}: ${t.reason}`,
        {
          version: number,
          heldOutAccuracy: t.candidate.heldOutAccuracy,
          instantAccuracy: t.instant.heldOutAccuracy,
        },
      );
      if (!t.promoted) return;
      for (const other of t.affected) {
        const number = store.versions.current(other.task)?.number ?? 'instant';
        await told.runs(
          other.task,
          'changed-along',
          `'${other.task}' runs version ${number}: its network changed as '${task}' was trained`,
          { trained: task, version: number, before: other.before, after: other.after },
        );
      }
    },
    onFailed: (task, error) => {
      const reason = messageOf(error);
      const code = error instanceof LichenError ? error.code : 'defect';
      const hindrance = error instanceof TrainingNotNow ? { hindrance: error.hindrance } : {};
      told.report('training-failed', 'warning', reason, { task, code, reason, ...hindrance });
    },
    log,
  });
}
