import type { RecentLabel } from '../recognize/corrected-task.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';

/** Until when the labels came that a task's newest trained version knows. */
const untilKey = (task: string) => `version-learned-until:${task}`;
/** Samples whose label was changed later. */
const changedKey = (task: string) => `labels-changed:${task}`;

/** A label that was changed: when its sample was kept, and when it was changed. */
type Changed = [at: number, when: number];

/**
 * Labels that the version which a task runs does not know. They lie beside it: the version stays as it was trained, its digest
 * too, and a training replaces both. A version that was rolled back to, or came as a pack, begins without any. All of it
 * outlives the program.
 */
export class RecentLabels {
  private readonly store: Pick<Store, 'tasks' | 'versions' | 'settings'>;
  private readonly memory: Pick<ReplayMemory, 'refs' | 'read'>;

  constructor(
    store: Pick<Store, 'tasks' | 'versions' | 'settings'>,
    memory: Pick<ReplayMemory, 'refs' | 'read'>,
  ) {
    this.store = store;
    this.memory = memory;
  }

  /** Oldest first; none of a held-out sample, and none of a closed task, whose answers stay as they are. */
  of(task: string): RecentLabel[] {
    if (this.store.tasks.get(task)?.closedAt !== undefined) return [];
    const since = learnedUntil(this.store, task);
    if (since === undefined) return [];
    const changed = new Set(changedSince(this.store, task, since).map(([at]) => at));
    return this.memory
      .refs({ task, heldOut: false })
      .filter((ref) => ref.at >= since || changed.has(ref.at))
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
      .map((ref) => ({ id: ref.id, label: ref.label, latent: () => this.memory.read(ref) }));
  }
}

/**
 * Until when the labels came that the version which a task runs knows; undefined where it runs no version. Milliseconds since
 * 1970.
 */
export function learnedUntil(
  { versions, settings }: Pick<Store, 'versions' | 'settings'>,
  task: string,
): number | undefined {
  const current = versions.current(task);
  if (!current) return undefined;
  const promotions = versions.history(task).filter((p) => p.version === current.id);
  const [id, until] = (settings.get(untilKey(task)) ?? '').split(' ');
  // Gone back to, it is what it was.
  const trained = promotions.length === 1 && Number(id) === current.id;
  return trained ? Number(until) : promotions.at(-1)!.at;
}

/** Notes until when the labels came that a version knows which a task runs from now on. */
export function noteLearned(
  { versions, settings }: Pick<Store, 'versions' | 'settings'>,
  task: string,
  until: number,
): void {
  const current = versions.current(task);
  if (current) settings.set(untilKey(task), `${current.id} ${until}`);
}

/** Notes that the label of a sample that was kept before was changed. */
export function noteChanged(store: Pick<Store, 'versions' | 'settings'>, task: string, at: number): void {
  const since = learnedUntil(store, task);
  if (since === undefined || at >= since) return;
  const changed: Changed[] = [...changedSince(store, task, since), [at, Date.now()]];
  store.settings.set(changedKey(task), JSON.stringify(changed));
}

/** What a training has learned since is forgotten. */
function changedSince({ settings }: Pick<Store, 'settings'>, task: string, since: number): Changed[] {
  const changed = JSON.parse(settings.get(changedKey(task)) ?? '[]') as Changed[];
  return changed.filter(([, when]) => when >= since);
}
