import { LABEL_SQL } from '../label/label-sql.js';
import { OUTBOX_SQL } from '../link/outbox-sql.js';
import { WEBHOOK_SQL } from '../link/webhook-sql.js';

/**
 * The agent's schema. `agentMigrations[i]` takes it from version i to i + 1; a released entry never changes,
 * what is new is appended. A room with tables of its own keeps their SQL itself. Times are milliseconds since
 * 1970, UTC.
 *
 * The triggers hold what must be true whatever program writes: versions never change, a closed task stays as
 * it is, what is current exists, history is only appended to.
 */
export const agentMigrations: readonly string[] = [
  `
  CREATE TABLE tasks (
    name            TEXT PRIMARY KEY,
    isolation       TEXT NOT NULL CHECK (isolation IN ('piggyback', 'pnn')),
    backbone        TEXT NOT NULL,
    backbone_sha256 TEXT NOT NULL,
    split           TEXT NOT NULL,
    classes         TEXT NOT NULL,              -- JSON array, in the order in which they were added
    last_number     INTEGER NOT NULL DEFAULT 0, -- highest version number ever given; never given again
    created_at      INTEGER NOT NULL,
    closed_at       INTEGER
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE versions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    task       TEXT NOT NULL REFERENCES tasks (name),
    number     INTEGER NOT NULL CHECK (number > 0),
    created_at INTEGER NOT NULL,
    source     TEXT NOT NULL CHECK (source IN ('trained', 'pack')),
    isolation  TEXT NOT NULL CHECK (isolation IN ('frozen', 'piggyback', 'pnn')),
    classes    TEXT NOT NULL,                   -- JSON array, in the order of the adapter's outputs
    requires   TEXT NOT NULL,                   -- JSON array of {task, version, sha256}
    metrics    TEXT NOT NULL,                   -- JSON object
    adapter    BLOB NOT NULL,
    sha256     TEXT NOT NULL,
    digest     TEXT,                            -- of the outputs on the fixed probes; written once
    state      TEXT NOT NULL DEFAULT 'candidate' CHECK (state IN ('candidate', 'promoted', 'discarded')),
    UNIQUE (task, number)
  ) STRICT;

  -- Append-only. 'version' is null for the instant discriminant; 'below' is the promotion that rollback returns to.
  CREATE TABLE promotions (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    task    TEXT NOT NULL REFERENCES tasks (name),
    version INTEGER,
    below   INTEGER REFERENCES promotions (id),
    at      INTEGER NOT NULL,
    reason  TEXT NOT NULL
  ) STRICT;

  CREATE TABLE current (
    task      TEXT PRIMARY KEY REFERENCES tasks (name),
    version   INTEGER REFERENCES versions (id),
    promotion INTEGER NOT NULL REFERENCES promotions (id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE discriminants (
    task       TEXT PRIMARY KEY REFERENCES tasks (name),
    state      BLOB NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE seen (
    path   TEXT PRIMARY KEY,
    size   INTEGER NOT NULL,
    mtime  REAL NOT NULL,
    sample TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE rejects (
    path   TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    at     INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TRIGGER versions_never_change
  BEFORE UPDATE OF id, task, number, created_at, source, isolation, classes, requires, metrics, adapter, sha256
  ON versions BEGIN SELECT RAISE(ABORT, 'version-immutable: a version never changes'); END;

  CREATE TRIGGER versions_never_replaced BEFORE INSERT ON versions
  WHEN EXISTS (SELECT 1 FROM versions WHERE id = NEW.id OR (task = NEW.task AND number = NEW.number))
  BEGIN SELECT RAISE(ABORT, 'version-immutable: a version is never replaced'); END;

  CREATE TRIGGER versions_digest_once BEFORE UPDATE OF digest ON versions
  WHEN OLD.digest IS NOT NULL AND NEW.digest IS NOT OLD.digest
  BEGIN SELECT RAISE(ABORT, 'version-immutable: the digest is already recorded'); END;

  CREATE TRIGGER versions_keep_current BEFORE UPDATE OF state ON versions
  WHEN NEW.state = 'discarded' AND EXISTS (SELECT 1 FROM current WHERE version = OLD.id)
  BEGIN SELECT RAISE(ABORT, 'version-current: the current version cannot be discarded'); END;

  CREATE TRIGGER versions_discard_first BEFORE DELETE ON versions
  WHEN OLD.state <> 'discarded'
  BEGIN SELECT RAISE(ABORT, 'version-immutable: only a discarded version can be deleted'); END;

  CREATE TRIGGER promotions_never_replaced BEFORE INSERT ON promotions
  WHEN EXISTS (SELECT 1 FROM promotions WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'history-immutable: promotions are only appended'); END;

  CREATE TRIGGER promotions_never_change BEFORE UPDATE ON promotions
  BEGIN SELECT RAISE(ABORT, 'history-immutable: promotions are only appended'); END;

  CREATE TRIGGER promotions_never_go BEFORE DELETE ON promotions
  BEGIN SELECT RAISE(ABORT, 'history-immutable: promotions are only appended'); END;

  CREATE TRIGGER closed_takes_no_version BEFORE INSERT ON versions
  WHEN (SELECT closed_at FROM tasks WHERE name = NEW.task) IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task takes no new version'); END;

  CREATE TRIGGER closed_keeps_current BEFORE INSERT ON promotions
  WHEN (SELECT closed_at FROM tasks WHERE name = NEW.task) IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task keeps its version'); END;

  CREATE TRIGGER closed_keeps_discriminant BEFORE UPDATE ON discriminants
  WHEN (SELECT closed_at FROM tasks WHERE name = NEW.task) IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task keeps its discriminant'); END;

  CREATE TRIGGER closed_takes_no_discriminant BEFORE INSERT ON discriminants
  WHEN (SELECT closed_at FROM tasks WHERE name = NEW.task) IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task keeps its discriminant'); END;

  CREATE TRIGGER closed_stays_closed BEFORE UPDATE ON tasks
  WHEN OLD.closed_at IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task is closed for good'); END;
  `,
  OUTBOX_SQL,
  // The list of isolations became longer. SQLite has no statement for that, and describes this way where the bytes of a
  // table's rows stay the same (sqlite.org/lang_altertable.html, section 7).
  `
  PRAGMA writable_schema = ON;
  UPDATE sqlite_schema SET sql = replace(sql, '(''piggyback'', ''pnn'')', '(''piggyback'', ''pnn'', ''shared'', ''den'', ''cpg'')')
    WHERE type = 'table' AND name = 'tasks';
  UPDATE sqlite_schema SET sql = replace(sql, '(''frozen'', ''piggyback'', ''pnn'')', '(''frozen'', ''piggyback'', ''pnn'', ''shared'', ''den'', ''cpg'')')
    WHERE type = 'table' AND name = 'versions';
  PRAGMA schema_version = 1000;
  PRAGMA writable_schema = OFF;

  -- What learners of several tasks need to go on; sealed. One row a learner.
  CREATE TABLE learner_states (
    learner    TEXT PRIMARY KEY,
    number     INTEGER NOT NULL CHECK (number > 0),
    method     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    salt       BLOB NOT NULL,
    state      BLOB NOT NULL,
    sha256     TEXT NOT NULL                    -- of the sealed state
  ) STRICT;
  `,
  LABEL_SQL,
  WEBHOOK_SQL,
  // A discriminant's state is written in pieces, of which the first is in its own row: 8 MB at once are several times as much
  // in memory on the way.
  `
  CREATE TABLE discriminant_parts (
    task  TEXT NOT NULL REFERENCES tasks (name),
    part  INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (task, part)
  ) STRICT;

  CREATE TRIGGER closed_keeps_parts BEFORE UPDATE ON discriminant_parts
  WHEN (SELECT closed_at FROM tasks WHERE name = OLD.task) IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task keeps its discriminant'); END;

  CREATE TRIGGER closed_takes_no_part BEFORE INSERT ON discriminant_parts
  WHEN (SELECT closed_at FROM tasks WHERE name = NEW.task) IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task keeps its discriminant'); END;

  CREATE TRIGGER closed_loses_no_part BEFORE DELETE ON discriminant_parts
  WHEN (SELECT closed_at FROM tasks WHERE name = OLD.task) IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'task-closed: the task keeps its discriminant'); END;
  `,
];
