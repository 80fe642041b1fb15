-- What a simulated exchange must not forget: the accounts it holds, and their orders of late.
-- Thousands of orders come in one burst: a CHECK tests at most two words per IN, since SQLite
-- builds a table in memory for every longer one, which costs as much as the insert.

CREATE TABLE simulated_exchanges (
  exchange     TEXT PRIMARY KEY,
  last_seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE simulated_accounts (
  exchange    TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  wallet      TEXT NOT NULL,
  orders_made INTEGER NOT NULL,
  trades_made INTEGER NOT NULL,
  PRIMARY KEY (exchange, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE simulated_positions (
  exchange    TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  symbol      TEXT NOT NULL,
  side        TEXT NOT NULL CHECK (side IN ('LONG', 'SHORT')),
  quantity    TEXT NOT NULL,
  entry_price TEXT NOT NULL,
  leverage    INTEGER NOT NULL,
  PRIMARY KEY (exchange, user_id, symbol),
  FOREIGN KEY (exchange, user_id) REFERENCES simulated_accounts ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE simulated_orders (
  exchange          TEXT NOT NULL,
  user_id           TEXT NOT NULL,
  client_order_id   TEXT NOT NULL,
  exchange_order_id TEXT NOT NULL,
  symbol            TEXT NOT NULL,
  leg               TEXT NOT NULL,
  side              TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  type              TEXT NOT NULL
    CHECK (type IN ('market', 'limit') OR type IN ('stop', 'take_profit')),
  quantity          TEXT NOT NULL,
  price             TEXT,
  trigger_price     TEXT,
  reduce_only       INTEGER NOT NULL,
  leverage          INTEGER NOT NULL,
  signal_id         TEXT,
  position_id       TEXT,
  intended_at_ms    INTEGER NOT NULL,
  status            TEXT NOT NULL
    CHECK (status IN ('open', 'partially_filled') OR status IN ('filled', 'cancelled')),
  filled            TEXT NOT NULL,
  updated_at_ms     INTEGER NOT NULL,
  error             TEXT,
  PRIMARY KEY (exchange, user_id, client_order_id),
  FOREIGN KEY (exchange, user_id) REFERENCES simulated_accounts ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE simulated_fills (
  exchange        TEXT NOT NULL,
  user_id         TEXT NOT NULL,
  client_order_id TEXT NOT NULL,
  trade_id        TEXT NOT NULL,
  symbol          TEXT NOT NULL,
  side            TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  quantity        TEXT NOT NULL,
  price           TEXT NOT NULL,
  fee             TEXT NOT NULL,
  fee_currency    TEXT NOT NULL,
  filled_at_ms    INTEGER NOT NULL,
  is_liquidation  INTEGER NOT NULL,
  PRIMARY KEY (exchange, user_id, client_order_id, trade_id),
  FOREIGN KEY (exchange, user_id, client_order_id) REFERENCES simulated_orders ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
