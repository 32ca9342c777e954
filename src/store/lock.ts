import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LichenError, messageOf } from '../errors.js';
import { Database } from './database.js';

/**
 * The right to write into one store folder, held by one process at a time.
 *
 * The lock is the kernel's own lock on the file `lock`, taken through SQLite; it goes when its process goes,
 * however that ends. So nothing stale is ever left to judge by a process id, which another process (or
 * another container) may have by then. The id in `lock.pid` is only there to be named in the error.
 */
export class StoreLock {
  readonly folder: string;
  private readonly lock: Database;

  private constructor(folder: string, lock: Database) {
    this.folder = folder;
    this.lock = lock;
  }

  /**
   * Takes the lock of a store folder at once; creates the folder where it is missing.
   * @throws LichenError `store-locked` when a living process holds it, naming that process; `store-no-permission`
   *   or `store-full` when the folder cannot be written.
   */
  static acquire(folder: string): StoreLock {
    mkdirForOwner(folder);
    const lock = new Database(join(folder, 'lock'));
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      lock.close();
      if (error instanceof LichenError && error.code === 'store-busy') throw lockedError(folder, error);
      throw error;
    }
    try {
      writeFileSync(join(folder, 'lock.pid'), `${process.pid}\n`);
      return new StoreLock(folder, lock);
    } catch (error) {
      lock.close();
      throw unwritable(folder, error);
    }
  }

  /** Gives the lock back; a second call does nothing. */
  release(): void {
    if (!this.lock.open) return;
    rmSync(join(this.folder, 'lock.pid'), { force: true });
    this.lock.close();
  }
}

/** Creates a folder that only its owner may enter, with an error that names it. */
function mkdirForOwner(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new LichenError(
      'store-no-permission',
      `The store folder ${folder} cannot be created. Create it for this user, or choose another folder.`,
      { cause: error },
    );
  }
}

function unwritable(folder: string, cause: unknown): LichenError {
  const full = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
  return new LichenError(
    full ? 'store-full' : 'store-no-permission',
    `The store folder ${folder} cannot be written: ${messageOf(cause)}. ${full ? 'Free some space.' : 'Run as the user who owns it, or choose another folder.'}`,
    { cause },
  );
}

function lockedError(folder: string, cause: unknown): LichenError {
  let holder = 'another process';
  try {
    holder = `process ${readFileSync(join(folder, 'lock.pid'), 'utf8').trim()}`;
  } catch {
    // The holder is between taking the lock and writing its id; the error is no less true without it.
  }
  return new LichenError(
    'store-locked',
    `The store ${folder} is being written by ${holder}. Stop that process first, or use another store folder.`,
    { cause },
  );
}
