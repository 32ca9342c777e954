import type { Database } from './database.js';

/** One file of a source, as it was when its sample was taken. */
export interface SeenFile {
  path: string;
  size: number;
  /** Milliseconds since 1970, as stat gives it. */
  mtime: number;
  /** The id of the sample that it became. */
  sample?: string;
}

/** Which files of the sources were taken already, so that a restart does not take them again. */
export class SeenFiles {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** The record of a file, provided that the file has not changed since. */
  find(path: string, size: number, mtime: number): SeenFile | undefined {
    const row = this.database
      .prepare<{ path: string; size: number; mtime: number; sample: string | null }>(
        'SELECT * FROM seen WHERE path = ? AND size = ? AND mtime = ?',
      )
      .get(path, size, mtime);
    return row && { ...row, sample: row.sample ?? undefined };
  }

  /** Records files in one transaction; call it only after their samples are flushed. */
  add(files: readonly SeenFile[]): void {
    const insert = this.database.prepare(
      'INSERT OR REPLACE INTO seen (path, size, mtime, sample) VALUES (?, ?, ?, ?)',
    );
    this.database.transaction(() => {
      for (const { path, size, mtime, sample } of files) insert.run(path, size, mtime, sample ?? null);
    })();
  }

  /** Forgets a file, so that it would be taken again. */
  forget(path: string): void {
    this.database.prepare('DELETE FROM seen WHERE path = ?').run(path);
  }

  /** How many files were taken. */
  count(): number {
    return this.database.prepare<{ n: number }>('SELECT count(*) AS n FROM seen').get()?.n ?? 0;
  }
}
