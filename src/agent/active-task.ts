import type { Store } from '../store/store.js';

const KEY = 'active-task';

/** The task that the owner wants pictures to be asked for; it outlives the program. */
export class ActiveTask {
  private readonly store: Pick<Store, 'settings' | 'tasks'>;

  constructor(store: Pick<Store, 'settings' | 'tasks'>) {
    this.store = store;
  }

  /** Undefined while the device chooses itself. */
  get name(): string | undefined {
    const name = this.store.settings.get(KEY);
    return name && this.store.tasks.get(name) ? name : undefined;
  }

  /**
   * @param name left out, the device chooses again
   * @throws LichenError `task-unknown`
   */
  fix(name: string | undefined): void {
    if (name !== undefined) this.store.tasks.require(name);
    this.store.settings.set(KEY, name ?? '');
  }
}
