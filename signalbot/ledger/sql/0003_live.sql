-- What live accounts need: locked credentials, and a way to find orders whose fills are untold.

CREATE TABLE credentials (
  user_id       TEXT NOT NULL,
  exchange      TEXT NOT NULL CHECK (exchange <> ''),
  field         TEXT NOT NULL,
  key_id        TEXT NOT NULL,
  wrapped_key   BLOB NOT NULL,
  ciphertext    BLOB NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, exchange, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  name          TEXT PRIMARY KEY,
  key_id        TEXT NOT NULL,
  wrapped_key   BLOB NOT NULL,
  ciphertext    BLOB NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_untold ON orders (user_id) WHERE fee_currency IS NULL AND filled <> '0';
