import type { Database } from '../store/database.js';

/** What is known of a transaction: never seen, begun without an answer on record, or answered. */
export type Execution = { state: 'new' } | { state: 'begun' } | { state: 'answered'; response: Buffer };

/** Answers older than the newest this many are forgotten. */
const KEPT = 200;

/**
 * The requests that this device executed, by transaction, in the store: a request that comes again, be it after a
 * restart, is not executed again.
 */
export class RequestLog {
  private readonly database: Database;

  /** @param database a handle whose migrations included `OUTBOX_SQL`. */
  constructor(database: Database) {
    this.database = database;
  }

  find(transaction: string): Execution {
    const row = this.database
      .prepare<{ response: Uint8Array | null }>('SELECT response FROM outbox_requests WHERE id = ?')
      .get(transaction);
    if (row === undefined) return { state: 'new' };
    return row.response === null
      ? { state: 'begun' }
      : { state: 'answered', response: Buffer.from(row.response) };
  }

  begin(transaction: string, verb: string): void {
    this.database.transaction(() => {
      this.database
        .prepare('INSERT INTO outbox_requests (id, verb, response, started_at) VALUES (?, ?, NULL, ?)')
        .run(transaction, verb, Date.now());
      this.database
        .prepare('DELETE FROM outbox_requests WHERE number <= (SELECT MAX(number) FROM outbox_requests) - ?')
        .run(KEPT);
    })();
  }

  finish(transaction: string, response: Buffer): void {
    this.database.prepare('UPDATE outbox_requests SET response = ? WHERE id = ?').run(response, transaction);
  }
}
