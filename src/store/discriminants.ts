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
   * @param state in pieces, one of which is in memory at a time
   * @throws LichenError `task-unknown`, `task-closed`
   */
  save(task: string, state: Iterable<Uint8Array>, at: number = Date.now()): void {
    this.database.transaction(() => {
      this.tasks.requireOpen(task);
      this.database.prepare('DELETE FROM discriminant_parts WHERE task = ?').run(task);
      const begin = this.database.prepare(
        `INSERT INTO discriminants (task, state, updated_at) VALUES (?, ?, ?)
         ON CONFLICT (task) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at`,
      );
      const add = this.database.prepare(
        'INSERT INTO discriminant_parts (task, part, bytes) VALUES (?, ?, ?)',
      );
      let part = 0;
      for (const bytes of state) {
        if (part === 0) begin.run(task, bytes, at);
        else add.run(task, part, bytes);
        part++;
      }
    })();
  }

  /** A task's state, or undefined where none was saved yet. */
  load(task: string): { state: Uint8Array; updatedAt: number } | undefined {
    const row = this.database
      .prepare<{ state: Uint8Array; updated_at: number }>(
        'SELECT state, updated_at FROM discriminants WHERE task = ?',
      )
      .get(task);
    const parts = this.database
      .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM discriminant_parts WHERE task = ? ORDER BY part')
      .all(task);
    return (
      row && {
        state: new Uint8Array(Buffer.concat([row.state, ...parts.map((p) => p.bytes)])),
        updatedAt: row.updated_at,
      }
    );
  }
}
