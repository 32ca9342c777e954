import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { digestOf } from '../learn/digest.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { instantModel } from '../recognize/task-model.js';
import type { Store } from '../store/store.js';

const key = (task: string) => `closed-digest:${task}`;

/**
 * Closes a task for good. A version's digest is on record since it was written; where the instant answer is
 * what the task runs, its digest is recorded now.
 * @throws LichenError `task-unknown`
 */
export async function closeTask(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  task: string,
): Promise<void> {
  const instant = await instantDigest(engine, backbone, store, task);
  if (instant) store.settings.set(key(task), instant);
  store.tasks.close(task);
}

/** The digest of a closed task's instant answer, as recorded; undefined where a version answers. */
export function recordedInstantDigest(store: Pick<Store, 'settings'>, task: string): string | undefined {
  return store.settings.get(key(task));
}

/** The digest of the instant answer that a task runs, recomputed; undefined where it runs a version or nothing. */
export async function instantDigest(
  engine: Engine,
  backbone: Backbone,
  store: Pick<Store, 'tasks' | 'versions' | 'discriminants'>,
  task: string,
): Promise<string | undefined> {
  if (store.versions.current(store.tasks.require(task).name)) return undefined;
  const saved = store.discriminants.load(task);
  if (!saved) return undefined;
  const head = await StreamingDiscriminant.decode(saved.state).head();
  return digestOf(engine, instantModel(backbone, head), backbone.latentCodec);
}
