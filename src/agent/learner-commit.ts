import { LichenError } from '../errors.js';
import { type DeviceMethod, methodName } from '../learn/device-method.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';
import type { Version } from '../store/versions.js';
import type { Affected } from './learner-tasks.js';
import type { LearnerTrained } from './learner-training.js';

/** What became of another task of the same network. */
export type AffectedTask = Pick<Affected, 'task' | 'heldOutSamples' | 'before' | 'after'>;

/**
 * Why a training is not taken over for what it did to other tasks; undefined where they lost no more than allowed. One
 * sample more or less says nothing.
 * @param margin share of a task's held-out samples
 */
export function forgottenBy(affected: readonly AffectedTask[], margin: number): string | undefined {
  const share = (v: number) => `${(100 * v).toFixed(1)} %`;
  const lost = affected.flatMap(({ task, heldOutSamples, before, after }) => {
    if (before === null || after === null || before - after <= margin) return [];
    return (before - after) * heldOutSamples > 1.5
      ? [`'${task}' from ${share(before)} to ${share(after)}`]
      : [];
  });
  if (lost.length === 0) return undefined;
  return `it would take ${lost.join(' and ')} of held-out samples, and ${share(margin)} may be lost`;
}

/**
 * Writes what a learner's training came to, all of it or nothing: the version; where it is promoted also the versions of
 * the other tasks of the network, and the learner's state. Room for the state is made in the replay memory before.
 * @throws LichenError `replay-cap-too-small`, and as the store does
 */
export function commitTrained(
  store: Store,
  memory: ReplayMemory,
  method: DeviceMethod,
  trained: LearnerTrained,
  instantAccuracy: number | null,
  { promoted, reason }: { promoted: boolean; reason: string },
): Version {
  if (promoted) memory.reserve(trained.reserved);
  return store.database.transaction(() => {
    const { versions, tasks, learnerStates } = store;
    const metrics = { ...trained.version.metrics, instantAccuracy };
    const version = versions.add({ ...trained.version, metrics });
    if (promoted) {
      versions.promote(version.task, version.id, reason);
      for (const other of trained.affected) {
        // It was closed, rolled back or given another version while the training ran.
        const still = tasks.require(other.task).closedAt === undefined;
        if (!still || versions.current(other.task)?.id !== other.runs) continue;
        const next = versions.add(other.version(version));
        versions.promote(other.task, next.id, `its network changed as '${version.task}' was trained`);
        prune(store, other.task, version.isolation);
      }
      const { task, number, sha256 } = version;
      learnerStates.save(trained.key, methodName(method), trained.state({ task, version: number, sha256 }));
    }
    prune(store, version.task, version.isolation);
    return version;
  })();
}

/**
 * Deletes versions that hold a whole network each and that nothing leads back to: all but the newest, the current one and
 * the one that ran before it. Versions that others need stay, and all of a chain.
 */
function prune({ versions }: Store, task: string, isolation: string): void {
  if (isolation === 'cpg') return;
  const current = versions.current(task)?.id;
  const all = versions.list(task).filter((v) => v.isolation === isolation);
  const ran = versions.history(task).map((p) => p.version);
  const before = ran.findLast((id) => id !== current && all.some((v) => v.id === id));
  const kept = new Set([current, before, all.at(-1)?.id]);
  for (const { id } of all) {
    if (kept.has(id)) continue;
    try {
      versions.delete(id);
    } catch (error) {
      if (!(error instanceof LichenError && error.code === 'version-in-use')) throw error;
    }
  }
}
