-- Version 1. Times are milliseconds since 1970-01-01T00:00:00Z, by the clock of the machine.
-- A token id is the partition's number in two bytes and 128 bits behind it, both big-endian.

CREATE TABLE tokens (
  id         BLOB PRIMARY KEY CHECK (length(id) = 18 AND id < x'0400'),
  subject    BLOB NOT NULL CHECK (length(subject) = 16),  -- the hash that names the subject's index, big-endian
  record     BLOB NOT NULL,                               -- sealed: see `Record` of token-core
  expires_at INTEGER NOT NULL                             -- when the token dies unless it is renewed
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_subject ON tokens (subject);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

CREATE TABLE tombstones (
  id         BLOB PRIMARY KEY CHECK (length(id) = 18 AND id < x'0400'),
  bytes      BLOB NOT NULL,                               -- see `Tombstone` of token-core
  keep_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tombstones_by_expiry ON tombstones (keep_until);
