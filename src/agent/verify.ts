import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { messageOf } from '../errors.js';
import { digestOf } from '../learn/digest.js';
import { versionModel } from '../recognize/task-model.js';
import type { Store } from '../store/store.js';

export interface Verified {
  task: string;
  closed: boolean;
  version: number;
  current: boolean;
  ok: boolean;
  /** Recorded when the version was written. */
  digest: string | null;
  /** Why not, or null. */
  problem: string | null;
}

/**
 * Recomputes the digest of every version's answers on the fixed probes and compares it with what was recorded.
 * @param task only this task's versions
 */
export async function verifyStore(
  engine: Engine,
  backbone: Backbone,
  store: Pick<Store, 'tasks' | 'versions'>,
  task?: string,
): Promise<Verified[]> {
  const tasks = task === undefined ? store.tasks.list() : [store.tasks.require(task)];
  const results: Verified[] = [];
  for (const t of tasks) {
    const current = store.versions.current(t.name)?.id;
    const closed = t.closedAt !== undefined;
    for (const version of store.versions.list(t.name)) {
      const digest = version.digest ?? null;
      let problem: string | null = digest === null ? 'no digest was recorded' : null;
      try {
        const deployed = versionModel(backbone, store.versions, t, version);
        const now = await digestOf(engine, deployed, backbone.latentCodec);
        if (digest !== null && now !== digest) problem = `its answers have the digest ${now} now`;
      } catch (error) {
        problem = messageOf(error);
      }
      results.push({
        task: t.name,
        closed,
        version: version.number,
        current: version.id === current,
        ok: problem === null,
        digest,
        problem,
      });
    }
  }
  return results;
}
