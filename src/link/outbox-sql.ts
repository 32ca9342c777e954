/**
 * The tables that the link keeps in the device's store: messages that wait for their PUBACK, a few numbers, and
 * the requests that were already executed. One migration of the store's schema; times are milliseconds since 1970.
 */
export const OUTBOX_SQL = `
  CREATE TABLE outbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    topic     TEXT NOT NULL,
    payload   BLOB NOT NULL,
    qos       INTEGER NOT NULL,
    retain    INTEGER NOT NULL,
    droppable INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    at        INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX outbox_droppable ON outbox (droppable, seq);
  CREATE INDEX outbox_topic ON outbox (topic);

  CREATE TABLE outbox_meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox_requests (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    verb       TEXT NOT NULL,
    response   BLOB,
    started_at INTEGER NOT NULL
  ) STRICT;
`;
