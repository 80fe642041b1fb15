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

-- Some exchanges number trades per market: the symbol belongs to a fill's identity.
CREATE TABLE fills_by_market (
  exchange        TEXT NOT NULL,
  user_id         TEXT NOT NULL REFERENCES users,
  symbol          TEXT NOT NULL,
  trade_id        TEXT NOT NULL,
  client_order_id TEXT NOT NULL,
  position_id     TEXT,
  side            TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  quantity        TEXT NOT NULL,
  price           TEXT NOT NULL,
  fee             TEXT NOT NULL,
  fee_currency    TEXT NOT NULL,
  filled_at_ms    INTEGER NOT NULL,
  is_liquidation  INTEGER NOT NULL CHECK (is_liquidation IN (0, 1)),
  PRIMARY KEY (exchange, user_id, symbol, trade_id)
) STRICT, WITHOUT ROWID;
INSERT INTO fills_by_market (exchange, user_id, symbol, trade_id, client_order_id, position_id, side,
                             quantity, price, fee, fee_currency, filled_at_ms, is_liquidation)
SELECT exchange, user_id, symbol, trade_id, client_order_id, position_id, side,
       quantity, price, fee, fee_currency, filled_at_ms, is_liquidation
FROM fills;
DROP TABLE fills;
ALTER TABLE fills_by_market RENAME TO fills;
CREATE INDEX fills_by_position ON fills (position_id);
