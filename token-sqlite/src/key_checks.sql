-- Added in version 3: the check value of each key version that has issued a token.

CREATE TABLE key_checks (
  version INTEGER PRIMARY KEY CHECK (version BETWEEN 48 AND 122),  -- the character that stands in the tokens
  value   BLOB NOT NULL CHECK (length(value) = 16)                 -- see `CheckValue` of token-core
) STRICT;
