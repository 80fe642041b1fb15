-- What operators make while the daemon runs: definitions in the form of the file, tokens, and the
-- answers already given to requests that carry an idempotency key.

CREATE TABLE definitions (
  key           TEXT PRIMARY KEY,
  toml          TEXT NOT NULL,
  version       INTEGER NOT NULL CHECK (version > 0),
  author        TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE strategies ADD COLUMN owner TEXT;
ALTER TABLE strategies ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- A token is 256 random bits: its SHA-256 cannot be turned back, and is compared in one look-up.
CREATE TABLE tokens (
  token_id      TEXT PRIMARY KEY,
  hash          TEXT NOT NULL UNIQUE,
  scope         TEXT NOT NULL CHECK (scope IN ('admin', 'user', 'source')),
  subject       TEXT,
  label         TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER,
  CHECK ((scope = 'admin') = (subject IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
  author      TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status      INTEGER,
  body        BLOB,
  at_ms       INTEGER NOT NULL,
  PRIMARY KEY (author, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (at_ms);
