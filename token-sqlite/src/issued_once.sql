-- Added in version 2: the token that was issued for an idempotency key.

CREATE TABLE issued_once (
  name        BLOB PRIMARY KEY CHECK (length(name) = 16),        -- a hash of subject, issuer and key, big-endian
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 16),    -- a hash of what was asked for
  id          BLOB NOT NULL CHECK (length(id) = 18 AND id < x'0400'),
  keep_until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX issued_once_by_expiry ON issued_once (keep_until);
