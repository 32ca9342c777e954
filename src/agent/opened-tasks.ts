import type { Backbone } from '../backbone/backbone.js';
import type { Answer } from '../recognize/answer.js';
import { ConfirmedDrift } from '../recognize/confirmed-drift.js';
import type { DriftKind } from '../recognize/drift.js';
import type { Store } from '../store/store.js';
import type { Isolation } from '../store/tasks.js';

const LAST = 'task-opened-at';
const keyOf = (source: string) => `opened-task/${source}`;
const LONGEST_NAME = 64;

/** A task that the device has opened. */
export interface OpenedTask {
  name: string;
  /** The task that the source's pictures were nearest to. */
  like: string;
}

export interface OpenedTasksOptions {
  store: Pick<Store, 'tasks' | 'settings' | 'versions'>;
  backbone: Pick<Backbone, 'id'>;
  /** Labelled samples of a task. */
  samplesOf: (task: string) => number;
  isolationOf: (task: string) => Isolation;
  /** Shortest time between two tasks that are opened; milliseconds. */
  pause: number;
}

/**
 * Opens a task where the pictures of a source are others for good, as the place for labels of that source that name no
 * task. It does so seldom: drift has to be confirmed by novel pictures, some time has to have gone by since the last one,
 * and no task may be open that nobody has labelled anything for.
 */
export class OpenedTasks {
  private readonly options: OpenedTasksOptions;
  private readonly confirming = new Map<string, ConfirmedDrift>();

  constructor(options: OpenedTasksOptions) {
    this.options = options;
  }

  /**
   * Takes an answer of a source in.
   * @param at milliseconds since 1970
   * @returns the task where one was opened
   */
  add(
    source: string,
    { task, novel }: Pick<Answer, 'task' | 'novel'>,
    drift: DriftKind | undefined,
    at: number,
  ): OpenedTask | undefined {
    const confirmed = this.confirming.get(source) ?? new ConfirmedDrift();
    this.confirming.set(source, confirmed);
    if (!confirmed.add(novel, drift) || !this.may(at)) return undefined;
    return this.open(source, task, at);
  }

  /** The task for labels of a source that name none; undefined where none was opened for it, or it is closed. */
  of(source: string): string | undefined {
    const { store } = this.options;
    const name = store.settings.get(keyOf(source));
    const task = name === undefined ? undefined : store.tasks.get(name);
    return task && task.closedAt === undefined ? task.name : undefined;
  }

  private may(at: number): boolean {
    const { store, pause, samplesOf } = this.options;
    const since = at - Number(store.settings.get(LAST) ?? Number.NEGATIVE_INFINITY);
    // A clock that was set back must not forbid it for years.
    if (since >= 0 && since < pause) return false;
    const empty = (name: string) => samplesOf(name) === 0 && !store.versions.current(name);
    return !store.tasks.list().some((t) => t.closedAt === undefined && empty(t.name));
  }

  private open(source: string, like: string, at: number): OpenedTask {
    const { store, backbone, isolationOf } = this.options;
    const name = this.nextName(like);
    store.tasks.create({ name, isolation: isolationOf(name), backbone: backbone.id });
    store.settings.set(keyOf(source), name);
    store.settings.set(LAST, String(at));
    return { name, like };
  }

  /** `tiles-2` for `tiles`, and `tiles-3` for `tiles-2` where there is `tiles`. */
  private nextName(like: string): string {
    const { tasks } = this.options.store;
    const numbered = /^(.+)-\d+$/.exec(like)?.[1];
    const base = numbered !== undefined && tasks.get(numbered) ? numbered : like;
    for (let n = 2; ; n++) {
      const end = `-${n}`;
      const name = `${base.slice(0, LONGEST_NAME - end.length)}${end}`;
      if (!tasks.get(name)) return name;
    }
  }
}
