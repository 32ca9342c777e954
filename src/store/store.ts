import { join } from 'node:path';
import { type Database, openDatabase } from './database.js';
import { DiscriminantStore } from './discriminants.js';
import { LearnerStates } from './learner-states.js';
import { StoreLock } from './lock.js';
import { Rejects } from './rejects.js';
import { agentMigrations } from './schema.js';
import { SeenFiles } from './seen.js';
import { Settings } from './settings.js';
import { TaskStore } from './tasks.js';
import { VersionStore } from './versions.js';

/** The owner's key, for what derives from samples. */
export const keyFileOf = (folder: string): string => join(folder, 'replay.key');

/** Everything that a device keeps in its embedded database. */
export interface Store {
  readonly folder: string;
  readonly database: Database;
  readonly tasks: TaskStore;
  readonly versions: VersionStore;
  readonly discriminants: DiscriminantStore;
  readonly learnerStates: LearnerStates;
  readonly seen: SeenFiles;
  readonly rejects: Rejects;
  readonly settings: Settings;
  /** Closes the database and gives the writer's lock back. */
  close(): void;
}

/**
 * Opens the store in a folder. For writing it takes the folder's lock, so that two daemons never write one
 * store; for reading it needs no lock and works beside a running daemon.
 *
 * @throws LichenError `store-locked` (writing only), and what `openDatabase` throws.
 */
export function openStore(folder: string, options: { readOnly?: boolean } = {}): Store {
  const readOnly = options.readOnly ?? false;
  const lock = readOnly ? undefined : StoreLock.acquire(folder);
  try {
    const database = openDatabase(join(folder, 'agent.db'), agentMigrations, { readOnly });
    const tasks = new TaskStore(database);
    return {
      folder,
      database,
      tasks,
      versions: new VersionStore(database, tasks),
      discriminants: new DiscriminantStore(database, tasks),
      learnerStates: new LearnerStates(database, keyFileOf(folder)),
      seen: new SeenFiles(database),
      rejects: new Rejects(database),
      settings: new Settings(database),
      close() {
        database.close();
        lock?.release();
      },
    };
  } catch (error) {
    lock?.release();
    throw error;
  }
}
