import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Libsql from 'libsql';
import { LichenError, messageOf } from '../errors.js';
import { type SqlValue, Statement } from './statement.js';
import { storeError } from './store-error.js';

/** How `openDatabase` opens a file. */
export interface OpenOptions {
  /** Refuse every write, create nothing and migrate nothing: for commands that read beside a running daemon. */
  readOnly?: boolean;
}

/** How long one connection waits for another's transaction before it gives up. */
const BUSY_TIMEOUT_MS = 10_000;

/**
 * One connection to a SQLite file: the few calls of better-sqlite3 that Lichen uses, over libsql.
 *
 * It exists because libsql 0.5 ends the whole process when it is handed a boolean or a lone buffer, returns
 * blobs as Buffer from one call and as ArrayBuffer from another, adds a `_metadata` property to rows, binds
 * whole numbers as REAL, and hides the cause when a transaction that SQLite already rolled back (full disk)
 * is rolled back again.
 */
export class Database {
  readonly file: string;
  private readonly connection: Libsql.Database;
  private depth = 0;

  constructor(file: string) {
    this.file = file;
    try {
      this.connection = new Libsql(file);
    } catch (error) {
      throw storeError(file, error);
    }
  }

  get open(): boolean {
    return this.connection.open;
  }

  get inTransaction(): boolean {
    return this.connection.inTransaction;
  }

  /** Compiles one SQL statement; `Row` is the shape of the rows that it returns. */
  prepare<Row = unknown>(sql: string): Statement<Row> {
    this.requireOpen();
    try {
      return new Statement<Row>(this.connection.prepare(sql), this);
    } catch (error) {
      throw storeError(this.file, error);
    }
  }

  /** Runs one or several SQL statements that return nothing. */
  exec(sql: string): void {
    this.requireOpen();
    try {
      this.connection.exec(sql);
    } catch (error) {
      throw storeError(this.file, error);
    }
  }

  /** Sets a pragma, or returns the value of one: `pragma('user_version')`, `pragma('user_version = 3')`. */
  pragma(source: string): SqlValue | undefined {
    const row = this.prepare<Record<string, SqlValue>>(`PRAGMA ${source}`).get();
    return row === undefined ? undefined : Object.values(row)[0];
  }

  /**
   * Wraps a function so that all it writes is kept, or, if it throws, none of it. The transaction takes the
   * write lock at its start; inside another transaction it becomes a savepoint.
   */
  transaction<Arguments extends readonly unknown[], Result>(
    body: (...values: Arguments) => Result,
  ): (...values: Arguments) => Result {
    return (...values) => {
      const name = `level${this.depth}`;
      const [begin, commit, undo] =
        this.depth === 0
          ? ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK']
          : [`SAVEPOINT ${name}`, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`];
      this.exec(begin);
      this.depth++;
      try {
        const result = body(...values);
        this.exec(commit);
        return result;
      } catch (error) {
        // After a full disk SQLite has rolled back by itself; a second rollback would hide the cause.
        if (this.connection.inTransaction) this.exec(undo);
        throw error;
      } finally {
        this.depth--;
      }
    };
  }

  /** Closes the connection; a second call does nothing. */
  close(): void {
    if (this.connection.open) this.connection.close();
  }

  /** Throws `store-closed` after `close()`. */
  requireOpen(): void {
    if (!this.connection.open) {
      throw new LichenError('store-closed', `The database ${this.file} was used after it was closed.`);
    }
  }
}

/**
 * Opens a SQLite file, creates it (and its folder) where it is missing, and brings its schema up to date.
 *
 * The journal is a write-ahead log and every commit is synced to the disk. `migrations[i]` takes the schema
 * from version i to i + 1; each runs in a transaction of its own together with the new `user_version`, so a
 * crash leaves the schema before or after a migration, never between. Migrations once released never change.
 *
 * @throws LichenError `store-missing`, `store-no-permission`, `store-not-a-database`, `store-newer`,
 *   `store-outdated` (read-only only), `store-full`, `store-busy`, `store-corrupt`, `store-unusable`.
 */
export function openDatabase(
  file: string,
  migrations: readonly string[],
  options: OpenOptions = {},
): Database {
  const readOnly = options.readOnly ?? false;
  checkPath(file, readOnly);
  const database = new Database(file);
  try {
    database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    if (!readOnly) database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    if (readOnly) requireCurrentSchema(database, migrations);
    else migrate(database, migrations);
    if (readOnly) database.pragma('query_only = ON');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Names what is wrong with a path before SQLite answers with a number. */
function checkPath(file: string, readOnly: boolean): void {
  const folder = dirname(file);
  try {
    if (!readOnly) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory()) {
      throw new LichenError(
        'store-not-a-database',
        `${file} is a folder; a database file was expected there.`,
      );
    }
    if (found === undefined) {
      if (readOnly) {
        throw new LichenError(
          'store-missing',
          `There is no database at ${file}. Check the store's folder, or start the daemon once to create it.`,
        );
      }
    } else {
      accessSync(file, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK);
    }
    // A write-ahead log needs its -shm file beside the database even for readers.
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw pathError(file, error);
  }
}

function pathError(file: string, error: unknown): LichenError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new LichenError(
      'store-no-permission',
      `This user may not write the database ${file} or its folder (${messageOf(error)}). Run as the user who owns them, or choose another folder.`,
      { cause: error },
    );
  }
  return new LichenError('store-unusable', `The database ${file} cannot be opened: ${messageOf(error)}.`, {
    cause: error,
  });
}

function migrate(database: Database, migrations: readonly string[]): void {
  if (schemaVersion(database, migrations) === migrations.length) return;
  for (const [from, sql] of migrations.entries()) {
    database.transaction(() => {
      // Read again under the write lock: another process may have migrated meanwhile.
      if (schemaVersion(database, migrations) > from) return;
      database.exec(sql);
      database.exec(`PRAGMA user_version = ${from + 1}`);
    })();
  }
}

function requireCurrentSchema(database: Database, migrations: readonly string[]): void {
  const found = schemaVersion(database, migrations);
  if (found < migrations.length) {
    throw new LichenError(
      'store-outdated',
      `The database ${database.file} has schema ${found}, this program reads schema ${migrations.length}. Start the daemon of this version once; it brings the schema up to date.`,
    );
  }
}

function schemaVersion(database: Database, migrations: readonly string[]): number {
  const found = Number(database.pragma('user_version') ?? 0);
  if (found > migrations.length) {
    throw new LichenError(
      'store-newer',
      `The database ${database.file} has schema ${found}, this program knows schema ${migrations.length} and older. Update Lichen, or use another store folder; nothing was changed.`,
    );
  }
  return found;
}
