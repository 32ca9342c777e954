/**
 * The hub's schema. `hubMigrations[i]` takes it from version i to i + 1; a released entry never changes, what is
 * new is appended. Times are milliseconds since 1970, UTC.
 */
export const hubMigrations: readonly string[] = [
  `
  CREATE TABLE devices (
    id           TEXT PRIMARY KEY,
    state        TEXT NOT NULL CHECK (state IN ('online', 'offline')),
    since        INTEGER NOT NULL,
    boot         INTEGER NOT NULL,           -- of the newest birth
    store        TEXT NOT NULL,              -- names the counters below
    mark_boot    INTEGER NOT NULL,           -- every report up to (mark_boot, mark_seq) has been taken
    mark_seq     INTEGER NOT NULL,
    birth        TEXT,                       -- JSON: versions, profile, capabilities
    metrics      TEXT,                       -- JSON, the newest
    metrics_at   INTEGER,
    first_seen   INTEGER NOT NULL,
    last_seen    INTEGER NOT NULL,
    accepted     INTEGER NOT NULL DEFAULT 0,
    doubles      INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;

  -- What each task runs, as its device said last.
  CREATE TABLE adapters (
    device TEXT NOT NULL REFERENCES devices (id),
    task   TEXT NOT NULL,
    boot   INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    sha256 TEXT,
    body   TEXT NOT NULL,                    -- JSON
    PRIMARY KEY (device, task)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    device   TEXT NOT NULL REFERENCES devices (id),
    origin   TEXT NOT NULL CHECK (origin IN ('device', 'hub')),
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    severity TEXT NOT NULL,
    message  TEXT NOT NULL,
    data     TEXT,                           -- JSON
    boot     INTEGER,
    seq      INTEGER
  ) STRICT;
  CREATE INDEX events_of_device ON events (device, id);

  CREATE TABLE results (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    device      TEXT NOT NULL REFERENCES devices (id),
    task        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    label       TEXT,
    probability REAL NOT NULL,
    sample      TEXT NOT NULL,
    source      TEXT NOT NULL,
    version     TEXT NOT NULL                -- a number, or 'instant'
  ) STRICT;
  CREATE INDEX results_of_task ON results (device, task, id);

  -- The accuracy on held-out samples whenever it, the samples or the served version changed.
  CREATE TABLE points (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    device   TEXT NOT NULL REFERENCES devices (id),
    task     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    samples  INTEGER NOT NULL,
    accuracy REAL NOT NULL,
    version  TEXT NOT NULL
  ) STRICT;
  CREATE INDEX points_of_task ON points (device, task, id);

  -- Messages that were not taken, counted by reason; device is '' where none is known by that name.
  CREATE TABLE rejections (
    device  TEXT NOT NULL,
    code    TEXT NOT NULL,
    count   INTEGER NOT NULL,
    topic   TEXT NOT NULL,                   -- of the newest
    message TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (device, code)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE packs (
    id          TEXT PRIMARY KEY,            -- SHA-256 of the content
    content     BLOB NOT NULL,
    verified    INTEGER NOT NULL,            -- 1 when a key that the hub trusts has signed it
    manifest    TEXT NOT NULL,               -- JSON
    uploaded_at INTEGER NOT NULL
  ) STRICT;

  -- Every attempt to install a pack on a device.
  CREATE TABLE installs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    pack        TEXT NOT NULL REFERENCES packs (id),
    device      TEXT NOT NULL REFERENCES devices (id),
    request     TEXT NOT NULL UNIQUE,        -- its transaction
    state       TEXT NOT NULL CHECK (state IN ('sent', 'answered', 'refused', 'unanswered')),
    message     TEXT,                        -- why it was refused
    sent_at     INTEGER NOT NULL,
    answered_at INTEGER
  ) STRICT;
  CREATE INDEX installs_of_device ON installs (device, pack);

  -- The broker's retained messages, so that they outlive its process.
  CREATE TABLE retained (
    topic   TEXT PRIMARY KEY,
    payload BLOB NOT NULL,
    qos     INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];
