import type { Database } from './database.js';
import type { TaskStore } from './tasks.js';

/** The saved state of each task's instant discriminant, so that its answers survive a restart. */
export class DiscriminantStore {
  private readonly database: Database;
  private readonly tasks: TaskStore;

  constructor(database: Database, tasks: TaskStore) {
    this.database = database;
    this.tasks = tasks;
  }

  /**
   * Replaces a task's state.
   * @throws LichenError `task-unknown`, `task-closed`
   */
  save(task: string, state: Uint8Array, at: number = Date.now()): void {
    this.database.transaction(() => {
      this.tasks.requireOpen(task);
      this.database
        .prepare(
          `INSERT INTO discriminants (task, state, updated_at) VALUES (?, ?, ?)
           ON CONFLICT (task) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at`,
        )
        .run(task, state, at);
    })();
  }

  /** A task's state, or undefined where none was saved yet. */
  load(task: string): { state: Uint8Array; updatedAt: number } | undefined {
    const row = this.database
      .prepare<{ state: Uint8Array; updated_at: number }>(
        'SELECT state, updated_at FROM discriminants WHERE task = ?',
      )
      .get(task);
    return row && { state: new Uint8Array(row.state), updatedAt: row.updated_at };
  }
}
