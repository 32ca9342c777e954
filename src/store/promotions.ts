import { LichenError } from '../errors.js';
import type { Database } from './database.js';
import type { TaskStore } from './tasks.js';

/** One entry of the history of what a task ran. */
export interface Promotion {
  id: number;
  task: string;
  /** The id of the version that became current; null is the instant discriminant. */
  version: number | null;
  /** Milliseconds since 1970. */
  at: number;
  reason: string;
}

interface PromotionRow extends Promotion {
  /** The promotion that was in force before; null where there was none: the instant discriminant. */
  below: number | null;
}

/**
 * What each task runs, and its history. The history is only appended to; what is current is one row per
 * task, written in the same transaction, so a crash leaves the one before or the one after.
 */
export class Promotions {
  private readonly database: Database;
  private readonly tasks: TaskStore;

  constructor(database: Database, tasks: TaskStore) {
    this.database = database;
    this.tasks = tasks;
  }

  /** The id of the version that the task runs; null is the instant discriminant. */
  current(task: string): number | null {
    return this.inForce(task)?.version ?? null;
  }

  /**
   * Makes a version current; one that is current already is left alone.
   * @throws LichenError `task-unknown`, `task-closed`, `version-unknown`
   */
  promote(task: string, version: number | null, reason: string, at: number): void {
    this.database.transaction(() => {
      this.tasks.requireOpen(task);
      if (version !== null) this.requireVersion(task, version);
      const before = this.inForce(task);
      if ((before?.version ?? null) === version) return;
      this.append({ task, version, below: before?.id ?? null, at, reason });
    })();
  }

  /**
   * Makes current what was current before; two in a row go back twice. Versions deleted since are passed over.
   * @returns the version ids before and after; null is the instant discriminant.
   * @throws LichenError `task-unknown`, `task-closed`, `nothing-to-roll-back`
   */
  rollback(task: string, reason: string, at: number): { from: number | null; to: number | null } {
    return this.database.transaction(() => {
      this.tasks.requireOpen(task);
      const top = this.inForce(task);
      if (top === undefined || (top.version === null && top.below === null)) {
        throw new LichenError(
          'nothing-to-roll-back',
          `Task '${task}' runs the instant discriminant and nothing came before it. There is nothing to roll back to.`,
        );
      }
      let target = this.entry(top.below);
      while (target && !this.runnable(target, top.version)) target = this.entry(target.below);
      this.append({ task, version: target?.version ?? null, below: target?.below ?? null, at, reason });
      return { from: top.version, to: target?.version ?? null };
    })();
  }

  /** Everything that was ever current, oldest first. */
  history(task: string): Promotion[] {
    return this.database
      .prepare<Promotion>('SELECT id, task, version, at, reason FROM promotions WHERE task = ? ORDER BY id')
      .all(task);
  }

  private append(entry: Omit<PromotionRow, 'id'>): void {
    const { lastInsertRowid } = this.database
      .prepare('INSERT INTO promotions (task, version, below, at, reason) VALUES (?, ?, ?, ?, ?)')
      .run(entry.task, entry.version, entry.below, entry.at, entry.reason);
    this.database
      .prepare('INSERT OR REPLACE INTO current (task, version, promotion) VALUES (?, ?, ?)')
      .run(entry.task, entry.version, lastInsertRowid);
    if (entry.version !== null) {
      this.database.prepare(`UPDATE versions SET state = 'promoted' WHERE id = ?`).run(entry.version);
    }
  }

  /** Whether a rollback may land here: the version still exists and is another than the one rolled back. */
  private runnable(target: PromotionRow, from: number | null): boolean {
    if (target.version === from) return false;
    return target.version === null || this.exists(target.task, target.version);
  }

  private inForce(task: string): PromotionRow | undefined {
    return this.database
      .prepare<PromotionRow>(
        'SELECT p.* FROM promotions AS p JOIN current AS c ON c.promotion = p.id WHERE c.task = ?',
      )
      .get(task);
  }

  private entry(id: number | null): PromotionRow | undefined {
    return id === null
      ? undefined
      : this.database.prepare<PromotionRow>('SELECT * FROM promotions WHERE id = ?').get(id);
  }

  private exists(task: string, version: number): boolean {
    return (
      this.database.prepare('SELECT 1 FROM versions WHERE id = ? AND task = ?').get(version, task) !==
      undefined
    );
  }

  private requireVersion(task: string, version: number): void {
    if (this.exists(task, version)) return;
    throw new LichenError('version-unknown', `Task '${task}' has no version with id ${version}.`);
  }
}
