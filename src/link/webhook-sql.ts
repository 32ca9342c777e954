/**
 * What waits to be posted, in the device's store; one migration of its schema. Times are milliseconds since 1970. An
 * address may hold a password, and a message what a picture shows: both are sealed with the owner's key.
 */
export const WEBHOOK_SQL = `
  CREATE TABLE webhook_waiting (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    at      INTEGER NOT NULL,
    content BLOB NOT NULL                       -- sealed: address and body
  ) STRICT;
`;
