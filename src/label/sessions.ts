import { createHash } from 'node:crypto';
import type { SessionStore } from '@fastify/session';
import type { Session } from 'fastify';
import type { Database } from '../store/database.js';

/** So many browsers are logged in at one time; the one that would be logged out first goes. */
const MOST = 50;

const keyOf = (id: string): string => createHash('sha256').update(id).digest('hex');

/** Who is logged in to the device's page, over restarts. Of what a browser holds only a hash is kept. */
export class Sessions implements SessionStore {
  private readonly database: Database;
  private readonly lasting: number;

  /** @param lasting how long a session lasts; milliseconds */
  constructor(database: Database, lasting: number) {
    this.database = database;
    this.lasting = lasting;
  }

  set(id: string, session: Session, done: (error?: unknown) => void): void {
    attempt(done, () => {
      this.database.transaction(() => {
        this.database
          .prepare('INSERT OR REPLACE INTO sessions (id, data, expires) VALUES (?, ?, ?)')
          .run(keyOf(id), JSON.stringify(session), Date.now() + this.lasting);
        this.database
          .prepare(
            'DELETE FROM sessions WHERE expires < ? OR id NOT IN (SELECT id FROM sessions ORDER BY expires DESC LIMIT ?)',
          )
          .run(Date.now(), MOST);
      })();
    });
  }

  get(id: string, done: (error: unknown, session?: Session | null) => void): void {
    attempt(
      (error) => done(error, null),
      () => {
        const row = this.database
          .prepare<{ data: string; expires: number }>('SELECT data, expires FROM sessions WHERE id = ?')
          .get(keyOf(id));
        return row && row.expires > Date.now() ? (JSON.parse(row.data) as Session) : null;
      },
      (session) => done(null, session),
    );
  }

  destroy(id: string, done: (error?: unknown) => void): void {
    attempt(done, () => this.database.prepare('DELETE FROM sessions WHERE id = ?').run(keyOf(id)));
  }

  /** Logs everybody out. */
  clear(): void {
    this.database.exec('DELETE FROM sessions');
  }
}

function attempt<T>(
  failed: (error?: unknown) => void,
  work: () => T,
  done: (value: T) => void = () => failed(),
) {
  let value: T;
  try {
    value = work();
  } catch (error) {
    failed(error);
    return;
  }
  done(value);
}
