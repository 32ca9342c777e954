import { LichenError } from '../errors.js';
import type { Database } from './database.js';

/** Which isolation method a task learns with. */
export const ISOLATIONS = ['piggyback', 'pnn', 'shared', 'den', 'cpg'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** Which isolation method a version was made by; `frozen` is a head on the untouched crown, an instant answer kept. */
export type VersionIsolation = Isolation | 'frozen';

/** The frozen network that a task's adapters belong to. */
export interface BackboneRef {
  name: string;
  /** Of the network file, 64 lower-case hex characters. */
  sha256: string;
  /** The tensor at which trunk and crown are cut. */
  split: string;
}

export interface NewTask {
  /** [a-zA-Z0-9_-], at most 64 characters: it is part of MQTT topics. */
  name: string;
  isolation: Isolation;
  backbone: BackboneRef;
  classes?: readonly string[];
}

export interface Task {
  name: string;
  isolation: Isolation;
  backbone: BackboneRef;
  /** In the order in which they were added; a class keeps its position for good. */
  classes: readonly string[];
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Milliseconds since 1970; undefined while the task is open. */
  closedAt?: number;
}

interface TaskRow {
  name: string;
  isolation: Isolation;
  backbone: string;
  backbone_sha256: string;
  split: string;
  classes: string;
  created_at: number;
  closed_at: number | null;
}

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
/** Bytes of UTF-8. With a task's name (64) it fits into the replay memory's slot. */
const LONGEST_CLASS = 64;

/** The tasks of one device. */
export class TaskStore {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /**
   * Creates a task.
   * @throws LichenError `task-name-invalid`, `class-invalid`, `task-exists`
   */
  create(task: NewTask, at: number = Date.now()): Task {
    if (!NAME.test(task.name)) {
      throw new LichenError(
        'task-name-invalid',
        `'${task.name}' cannot name a task. Use 1 to 64 of the characters a-z, A-Z, 0-9, _ and -.`,
      );
    }
    const classes: string[] = [];
    for (const label of task.classes ?? []) classes.push(checkedClass(label, classes, task.name));
    return this.database.transaction(() => {
      if (this.get(task.name)) {
        throw new LichenError('task-exists', `There is a task '${task.name}' already. Choose another name.`);
      }
      const { name, sha256, split } = task.backbone;
      this.database
        .prepare(
          `INSERT INTO tasks (name, isolation, backbone, backbone_sha256, split, classes, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(task.name, task.isolation, name, sha256, split, JSON.stringify(classes), at);
      return this.require(task.name);
    })();
  }

  /** The task of that name, or undefined. */
  get(name: string): Task | undefined {
    const row = this.database.prepare<TaskRow>('SELECT * FROM tasks WHERE name = ?').get(name);
    return row && toTask(row);
  }

  /**
   * The task of that name.
   * @throws LichenError `task-unknown`, listing the tasks that exist.
   */
  require(name: string): Task {
    const task = this.get(name);
    if (task) return task;
    const names = this.list().map((known) => known.name);
    throw new LichenError(
      'task-unknown',
      `There is no task '${name}'. Tasks here: ${names.length > 0 ? names.join(', ') : 'none yet'}.`,
    );
  }

  /**
   * The task of that name, provided that it may still learn.
   * @throws LichenError `task-unknown`, `task-closed`
   */
  requireOpen(name: string): Task {
    const task = this.require(name);
    if (task.closedAt !== undefined) {
      throw new LichenError(
        'task-closed',
        `Task '${name}' was closed at ${new Date(task.closedAt).toISOString()}: it takes no new classes, samples or versions. Open a new task instead.`,
      );
    }
    return task;
  }

  /** All tasks, oldest first. */
  list(): Task[] {
    return this.database.prepare<TaskRow>('SELECT * FROM tasks ORDER BY created_at, name').all().map(toTask);
  }

  /**
   * Appends a class to a task; one that is there already is left where it is.
   * @throws LichenError `task-unknown`, `task-closed`, `class-invalid`
   */
  addClass(name: string, label: string): Task {
    return this.database.transaction(() => {
      const task = this.requireOpen(name);
      if (task.classes.includes(label)) return task;
      const classes = [...task.classes, checkedClass(label, task.classes, name)];
      this.database.prepare('UPDATE tasks SET classes = ? WHERE name = ?').run(JSON.stringify(classes), name);
      return { ...task, classes };
    })();
  }

  /**
   * Takes back the newest class of a task, where no version has learned it; another one stays.
   * @throws LichenError `task-unknown`, `task-closed`
   */
  takeBackClass(name: string, label: string): void {
    this.database.transaction(() => {
      const { classes } = this.requireOpen(name);
      if (classes.at(-1) !== label) return;
      const learned = this.database
        .prepare<{ classes: string }>('SELECT classes FROM versions WHERE task = ?')
        .all(name)
        .some((v) => (JSON.parse(v.classes) as string[]).includes(label));
      if (learned) return;
      this.database
        .prepare('UPDATE tasks SET classes = ? WHERE name = ?')
        .run(JSON.stringify(classes.slice(0, -1)), name);
    })();
  }

  /**
   * Closes a task for good; closing it again changes nothing.
   * @throws LichenError `task-unknown`
   */
  close(name: string, at: number = Date.now()): Task {
    return this.database.transaction(() => {
      const task = this.require(name);
      if (task.closedAt !== undefined) return task;
      this.database.prepare('UPDATE tasks SET closed_at = ? WHERE name = ?').run(at, name);
      return { ...task, closedAt: at };
    })();
  }
}

function checkedClass(label: string, existing: readonly string[], task: string): string {
  const bytes = Buffer.byteLength(label);
  const why =
    bytes === 0 || bytes > LONGEST_CLASS
      ? `it has ${bytes} bytes`
      : label.trim() !== label || /\p{Cc}/u.test(label)
        ? 'it has blanks at an end or control characters'
        : existing.includes(label)
          ? 'it is given twice'
          : undefined;
  if (why === undefined) return label;
  throw new LichenError(
    'class-invalid',
    `${JSON.stringify(label)} cannot be a class of task '${task}': ${why}. A class is 1 to ${LONGEST_CLASS} bytes of text, without blanks at its ends, once in a task.`,
  );
}

function toTask(row: TaskRow): Task {
  return {
    name: row.name,
    isolation: row.isolation,
    backbone: { name: row.backbone, sha256: row.backbone_sha256, split: row.split },
    classes: JSON.parse(row.classes) as string[],
    createdAt: row.created_at,
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
  };
}
