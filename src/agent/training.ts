import type { Logger } from 'pino';
import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError, messageOf } from '../errors.js';
import type { LabelledLatent } from '../learn/candidate.js';
import type { DeviceMethod } from '../learn/device-method.js';
import type { Progress } from '../learn/learner.js';
import type { LearnerOptions } from '../learn/learner-options.js';
import { learnerOf } from '../learn/sequence/kept-learner.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';
import type { Isolation, Task } from '../store/tasks.js';
import type { Discriminants } from './discriminants.js';
import type { Growth } from './growth.js';
import { type Permission, TrainingNotNow } from './guards.js';
import type { LearnerTrainingOptions } from './learner-training.js';
import { learnedUntil, noteLearned } from './recent-labels.js';
import { type TrainedTask, trainTask } from './train-task.js';

export interface TrainingOptions {
  engine: Engine;
  backbone: Backbone;
  store: Store;
  memory: ReplayMemory;
  discriminants: Discriminants;
  /** How a task is trained, by its name and the isolation that it was made with. */
  methodOf: (task: string, isolation: Isolation) => DeviceMethod;
  /** How learners of several tasks train; undefined where there are none. */
  shared?: Omit<LearnerTrainingOptions, 'method' | 'memory'>;
  learnerOf: (task: string) => Partial<LearnerOptions>;
  /** When a task may grow a column beside its mask; undefined where it may not. */
  growthOf?: (task: string) => Growth | undefined;
  /** Most resident memory that the process may come to while it trains; bytes. */
  memoryCap?: number;
  /** Labels that start a training at once. */
  newLabels: number;
  /** A training waits until no label came for this long: a folder is copied in as a whole. */
  quietMs: number;
  /** Whether the device may train now. */
  allowed: () => Promise<Permission>;
  onStart: (task: string) => void;
  onProgress: (task: string, p: Progress) => void;
  onTrained: (task: string, trained: TrainedTask) => void | Promise<void>;
  onFailed: (task: string, error: unknown) => void;
  log: Logger;
}

/** A training under way. */
export interface Running {
  task: string;
  /** Milliseconds since 1970. */
  since: number;
  progress?: Progress;
}

const trainedAtKey = (task: string) => `trained-at:${task}`;

/** Trains tasks one after the other: on command, on a schedule, or when enough new labels have come. */
export class Training {
  private readonly options: TrainingOptions;
  private readonly abort = new AbortController();
  private readonly newLabels = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private chain: Promise<unknown> = Promise.resolve();
  private readonly waiting = new Map<string, Promise<TrainedTask>>();
  private now: Running | undefined;

  constructor(options: TrainingOptions) {
    this.options = options;
  }

  /** What is being trained. */
  get running(): Running | undefined {
    return this.now;
  }

  /** Labels of a task that were not trained on yet. */
  newLabelsOf(task: string): number {
    return Math.max(0, this.newLabels.get(task) ?? 0);
  }

  /** Counts the labels that came before this start of the program and were not trained on. */
  resume(): void {
    for (const { name, closedAt } of this.options.store.tasks.list()) {
      if (closedAt === undefined) this.newLabels.set(name, this.freshCount(name));
    }
    this.startSoon();
  }

  /** Counts a new label; with enough of them, training starts once no more are coming. */
  label(task: string): void {
    this.newLabels.set(task, (this.newLabels.get(task) ?? 0) + 1);
    this.startSoon();
  }

  /**
   * Trains a task after whatever is being trained. Asked again while it waits, it is trained once.
   * @throws LichenError as `trainTask` does, `task-closed`, and `training-not-now` when the device may not
   */
  train(task: string): Promise<TrainedTask> {
    const known = this.waiting.get(task);
    if (known) return known;
    const run = this.chain.then(() => this.run(task));
    this.waiting.set(task, run);
    this.chain = run.catch(() => {});
    return run;
  }

  /** Trains every task that is open and has new labels; those that cannot be trained yet are passed over. */
  trainAll(): void {
    for (const task of this.options.store.tasks.list()) {
      if (task.closedAt === undefined && this.freshCount(task.name) > 0)
        this.train(task.name).catch(() => {});
    }
  }

  /** Stops what is running; nothing that was kept is touched. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.abort.abort();
    await this.chain;
  }

  private startSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.startDue(), this.options.quietMs);
  }

  private startDue(): void {
    for (const [task, count] of this.newLabels) {
      if (count >= this.options.newLabels) this.train(task).catch(() => {});
    }
  }

  private async run(name: string): Promise<TrainedTask> {
    const { store, engine, backbone, onStart, onProgress, onTrained, onFailed, log } = this.options;
    this.waiting.delete(name);
    try {
      if (this.abort.signal.aborted) throw new LichenError('learn-aborted', 'the agent is stopping');
      const task = store.tasks.requireOpen(name);
      const may = await this.options.allowed();
      if (!may.ok) throw new TrainingNotNow(may);
      const began = Date.now();
      this.now = { task: name, since: began };
      const counted = this.newLabels.get(name) ?? 0;
      onStart(name);
      const method = this.options.methodOf(name, task.isolation);
      const { shared, memory } = this.options;
      const known = new Map(store.tasks.list().map((t) => [t.name, learnedUntil(store, t.name)]));
      const trained = await trainTask(engine, backbone, store, task, this.samplesOf(task), {
        isolation: task.isolation,
        rehearsal: method.rehearsal,
        memory,
        ...(shared && learnerOf(method) && { shared: { ...shared, method, memory } }),
        learner: this.options.learnerOf(name),
        growth: this.options.growthOf?.(name),
        memoryCap: this.options.memoryCap,
        onProgress: (progress) => {
          this.now = { task: name, since: began, progress };
          onProgress(name, progress);
        },
        signal: this.abort.signal,
      });
      store.settings.set(trainedAtKey(name), String(began));
      if (trained.promoted) {
        noteLearned(store, name, began);
        // Other tasks' versions that changed along know no more labels than before.
        for (const { task } of trained.affected) noteLearned(store, task, known.get(task) ?? began);
      }
      this.newLabels.set(name, (this.newLabels.get(name) ?? 0) - counted);
      this.options.discriminants.tune(name, trained.instant);
      this.options.discriminants.save();
      this.now = undefined;
      await onTrained(name, trained);
      return trained;
    } catch (error) {
      log.warn({ task: name, error: messageOf(error) }, 'training did not happen');
      onFailed(name, error);
      throw error;
    } finally {
      this.now = undefined;
    }
  }

  private samplesOf(task: Task): LabelledLatent[] {
    const { memory, store } = this.options;
    const since = Number(store.settings.get(trainedAtKey(task.name)) ?? 0);
    return memory.refs({ task: task.name }).map((r) => ({
      latent: memory.read(r),
      label: task.classes.indexOf(r.label),
      heldOut: r.heldOut,
      fresh: r.at >= since,
    }));
  }

  private freshCount(task: string): number {
    const since = Number(this.options.store.settings.get(trainedAtKey(task)) ?? 0);
    return this.options.memory.refs({ task }).filter((r) => r.at >= since).length;
  }
}
