import { createHash } from 'node:crypto';
import { LichenError } from '../errors.js';
import type { Database } from './database.js';
import { type Promotion, Promotions } from './promotions.js';
import type { TaskStore, VersionIsolation } from './tasks.js';

/** An adapter that another one needs beside it: an earlier column of a PNN. */
export interface Requirement {
  task: string;
  /** The needed version's number in its task. */
  version: number;
  /** Of the needed version's adapter. */
  sha256: string;
}

export interface NewVersion {
  task: string;
  source: 'trained' | 'pack';
  isolation: VersionIsolation;
  /** In the order of the adapter's outputs. */
  classes: readonly string[];
  requires?: readonly Requirement[];
  adapter: Uint8Array;
  /** Whatever is worth keeping about how good it is; must survive JSON. */
  metrics: Readonly<Record<string, unknown>>;
  /** Of its outputs on the fixed probes; can be recorded later, once. */
  digest?: string;
  /** The number that a pack brings; the task's next number where it is left out. */
  number?: number;
}

export interface Version {
  id: number;
  task: string;
  /** Counts within the task, from 1; never given twice, not even after a deletion. */
  number: number;
  /** Milliseconds since 1970. */
  createdAt: number;
  source: 'trained' | 'pack';
  isolation: VersionIsolation;
  classes: readonly string[];
  requires: readonly Requirement[];
  metrics: Readonly<Record<string, unknown>>;
  adapterBytes: number;
  /** Of the adapter. */
  sha256: string;
  digest?: string;
  /** `promoted` once it has been current, `candidate` before. */
  state: 'candidate' | 'promoted';
}

interface VersionRow {
  id: number;
  task: string;
  number: number;
  created_at: number;
  source: Version['source'];
  isolation: VersionIsolation;
  classes: string;
  requires: string;
  metrics: string;
  adapter_bytes: number;
  sha256: string;
  digest: string | null;
  state: Version['state'];
}

/** All but the adapter itself, which is read only when it is wanted. */
const SELECT = `SELECT id, task, number, created_at, source, isolation, classes, requires, metrics,
  length(adapter) AS adapter_bytes, sha256, digest, state FROM versions`;

/** The adapter versions of all tasks. A version never changes once it is written. */
export class VersionStore {
  private readonly database: Database;
  private readonly tasks: TaskStore;
  private readonly promotions: Promotions;

  constructor(database: Database, tasks: TaskStore) {
    this.database = database;
    this.tasks = tasks;
    this.promotions = new Promotions(database, tasks);
  }

  /**
   * Writes a version, as a candidate.
   * @throws LichenError `task-unknown`, `task-closed`, `version-number-taken`, `version-missing-requirement`
   */
  add(version: NewVersion, at: number = Date.now()): Version {
    return this.database.transaction(() => {
      this.tasks.requireOpen(version.task);
      const number = this.takeNumber(version.task, version.number);
      const requires = version.requires ?? [];
      for (const needed of requires) this.checkRequirement(version.task, needed);
      const { lastInsertRowid } = this.database
        .prepare(
          `INSERT INTO versions
             (task, number, created_at, source, isolation, classes, requires, metrics, adapter, sha256, digest)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          version.task,
          number,
          at,
          version.source,
          version.isolation,
          JSON.stringify(version.classes),
          JSON.stringify(requires),
          JSON.stringify(version.metrics),
          version.adapter,
          sha256(version.adapter),
          version.digest ?? null,
        );
      return this.require(lastInsertRowid);
    })();
  }

  /** The version of that id, or undefined. */
  get(id: number): Version | undefined {
    const row = this.database.prepare<VersionRow>(`${SELECT} WHERE id = ?`).get(id);
    return row && toVersion(row);
  }

  /**
   * The version of that id.
   * @throws LichenError `version-unknown`
   */
  require(id: number): Version {
    const version = this.get(id);
    if (version) return version;
    throw new LichenError('version-unknown', `There is no version with id ${id}; it may have been deleted.`);
  }

  /** A task's version of that number, or undefined. */
  numbered(task: string, number: number): Version | undefined {
    const row = this.database
      .prepare<VersionRow>(`${SELECT} WHERE task = ? AND number = ?`)
      .get(task, number);
    return row && toVersion(row);
  }

  /** A task's versions, oldest first. */
  list(task: string): Version[] {
    return this.database.prepare<VersionRow>(`${SELECT} WHERE task = ? ORDER BY id`).all(task).map(toVersion);
  }

  /** What the task runs; undefined is the instant discriminant. */
  current(task: string): Version | undefined {
    const id = this.promotions.current(task);
    return id === null ? undefined : this.require(id);
  }

  /**
   * Makes a version current, or with null the instant discriminant. What is current already is left alone.
   * @throws LichenError `task-unknown`, `task-closed`, `version-unknown`
   */
  promote(task: string, id: number | null, reason: string, at: number = Date.now()): void {
    this.promotions.promote(task, id, reason, at);
  }

  /**
   * Makes current what was current before; two in a row go back twice. Versions deleted since are passed over.
   * @returns the version ids before and after; null is the instant discriminant.
   * @throws LichenError `task-unknown`, `task-closed`, `nothing-to-roll-back`
   */
  rollback(
    task: string,
    reason = 'rollback',
    at: number = Date.now(),
  ): { from: number | null; to: number | null } {
    return this.promotions.rollback(task, reason, at);
  }

  /** Everything that the task ever ran, oldest first. */
  history(task: string): Promotion[] {
    return this.promotions.history(task);
  }

  /**
   * The adapter of a version, its hash verified.
   * @throws LichenError `version-unknown`, `version-corrupt`
   */
  adapter(id: number): Uint8Array {
    const version = this.require(id);
    const row = this.database
      .prepare<{ adapter: Uint8Array }>('SELECT adapter FROM versions WHERE id = ?')
      .get(id);
    if (row && sha256(row.adapter) === version.sha256) return new Uint8Array(row.adapter);
    throw new LichenError(
      'version-corrupt',
      `Version ${version.number} of task '${version.task}' (id ${id}) in ${this.database.file} is damaged: its adapter does not have the hash ${version.sha256}. Roll back to an earlier version, or install it again from a pack.`,
    );
  }

  /**
   * Records the digest of a version's outputs on the fixed probes. The same digest again changes nothing.
   * @throws LichenError `version-unknown`, `version-digest-differs`
   */
  recordDigest(id: number, digest: string): void {
    this.database.transaction(() => {
      const { digest: recorded, task, number } = this.require(id);
      if (recorded === digest) return;
      if (recorded !== undefined) {
        throw new LichenError(
          'version-digest-differs',
          `Version ${number} of task '${task}' has the digest ${recorded} on record; ${digest} cannot replace it. Run 'lichen verify' to see which outputs differ.`,
        );
      }
      this.database.prepare('UPDATE versions SET digest = ? WHERE id = ?').run(digest, id);
    })();
  }

  /**
   * Deletes a version and its adapter. Its number is not given again, its promotions stay in the history.
   * @throws LichenError `version-unknown`, `version-in-use` (it is current, or another version needs it)
   */
  delete(id: number): void {
    this.database.transaction(() => {
      const version = this.require(id);
      const inUse = (why: string) =>
        new LichenError(
          'version-in-use',
          `Version ${version.number} of task '${version.task}' cannot be deleted: ${why}.`,
        );
      if (this.database.prepare('SELECT 1 FROM current WHERE version = ?').get(id)) {
        throw inUse('it is current. Promote another one first');
      }
      const dependent = this.dependentOn(version);
      if (dependent) {
        throw inUse(`version ${dependent.number} of task '${dependent.task}' needs it`);
      }
      this.database.prepare(`UPDATE versions SET state = 'discarded' WHERE id = ?`).run(id);
      this.database.prepare('DELETE FROM versions WHERE id = ?').run(id);
    })();
  }

  private takeNumber(task: string, wanted: number | undefined): number {
    if (wanted !== undefined && this.numbered(task, wanted)) {
      throw new LichenError(
        'version-number-taken',
        `Task '${task}' has a version ${wanted} already, and a version never changes. Give the new one another number.`,
      );
    }
    const row = this.database
      .prepare<{ last_number: number }>('SELECT last_number FROM tasks WHERE name = ?')
      .get(task);
    const last = row?.last_number ?? 0;
    const number = wanted ?? last + 1;
    this.database
      .prepare('UPDATE tasks SET last_number = ? WHERE name = ?')
      .run(Math.max(last, number), task);
    return number;
  }

  private checkRequirement(task: string, needed: Requirement): void {
    if (this.numbered(needed.task, needed.version)?.sha256 === needed.sha256) return;
    throw new LichenError(
      'version-missing-requirement',
      `The new version of task '${task}' needs version ${needed.version} of task '${needed.task}' with the hash ${needed.sha256}, which is not here. Install that one first.`,
    );
  }

  private dependentOn(version: Version): Version | undefined {
    return this.database
      .prepare<VersionRow>(
        `${SELECT} WHERE EXISTS (
           SELECT 1 FROM json_each(requires) AS needed
           WHERE json_extract(needed.value, '$.task') = ? AND json_extract(needed.value, '$.version') = ?)`,
      )
      .all(version.task, version.number)
      .map(toVersion)[0];
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function toVersion(row: VersionRow): Version {
  return {
    id: row.id,
    task: row.task,
    number: row.number,
    createdAt: row.created_at,
    source: row.source,
    isolation: row.isolation,
    classes: JSON.parse(row.classes) as string[],
    requires: JSON.parse(row.requires) as Requirement[],
    metrics: JSON.parse(row.metrics) as Record<string, unknown>,
    adapterBytes: row.adapter_bytes,
    sha256: row.sha256,
    ...(row.digest === null ? {} : { digest: row.digest }),
    state: row.state,
  };
}
