import type { Database } from './database.js';

/** A file that could not become a sample. */
export interface Reject {
  path: string;
  /** Why, for the owner to read. */
  reason: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** The files that were set aside, with the reason. */
export class Rejects {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Sets a file aside; a later reason replaces an earlier one. */
  add(path: string, reason: string, at: number = Date.now()): void {
    this.database
      .prepare('INSERT OR REPLACE INTO rejects (path, reason, at) VALUES (?, ?, ?)')
      .run(path, reason, at);
  }

  /** The latest files set aside, newest first. */
  list(limit = 100): Reject[] {
    return this.database
      .prepare<Reject>('SELECT path, reason, at FROM rejects ORDER BY at DESC, path LIMIT ?')
      .all(limit);
  }

  /** Takes a file off the list, for instance because it was repaired. */
  remove(path: string): void {
    this.database.prepare('DELETE FROM rejects WHERE path = ?').run(path);
  }

  /** How many files are set aside. */
  count(): number {
    return this.database.prepare<{ n: number }>('SELECT count(*) AS n FROM rejects').get()?.n ?? 0;
  }
}
