/**
 * The tables of labelling in the device's store, one migration of its schema. Times are milliseconds since 1970. What
 * derives from pictures is sealed with the owner's key.
 */
export const LABEL_SQL = `
  -- What the owner was asked. A row stays when it is answered, without its picture, so that nothing is asked twice.
  CREATE TABLE questions (
    sample   TEXT PRIMARY KEY,
    source   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    answer   TEXT,                              -- JSON: what the device said of it
    weak     TEXT,                              -- JSON: what a weak label said of it
    state    TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'labelled', 'skipped', 'bad')),
    look     BLOB NOT NULL,                     -- sealed
    content  BLOB                               -- sealed: latent and picture, while they are needed
  ) STRICT;
  CREATE INDEX questions_state ON questions (state, asked_at);

  CREATE TABLE thumbnails (
    sample  TEXT PRIMARY KEY,
    content BLOB NOT NULL                       -- sealed
  ) STRICT;

  -- What the owner did last, for undoing it.
  CREATE TABLE label_actions (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    task    TEXT,
    label   TEXT,
    content BLOB NOT NULL                       -- sealed: JSON, with the latents that undoing needs
  ) STRICT;

  -- How often weak labels were right, where the owner has looked.
  CREATE TABLE weak_labels (
    source TEXT PRIMARY KEY,
    right  INTEGER NOT NULL DEFAULT 0,
    wrong  INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sessions (
    id      TEXT PRIMARY KEY,                   -- hash of what the browser holds
    data    TEXT NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
