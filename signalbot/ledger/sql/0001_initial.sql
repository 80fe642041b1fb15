-- Times are epoch milliseconds UTC, money and quantities decimal text. Never SUM or compare money
-- in SQL: text sorts '9' after '10', and REAL would round it.

CREATE TABLE daemon_state (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  user_id       TEXT PRIMARY KEY,
  mode          TEXT NOT NULL CHECK (mode IN ('signals', 'paper', 'live')),
  exchange      TEXT NOT NULL,
  leverage      INTEGER NOT NULL,
  margin_mode   TEXT NOT NULL CHECK (margin_mode IN ('isolated', 'cross')),
  paper_balance TEXT NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED', 'HALTED', 'REMOVED')),
  status_reason TEXT NOT NULL,
  origin        TEXT NOT NULL CHECK (origin IN ('config', 'api')),
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE strategies (
  name          TEXT PRIMARY KEY,
  kind          TEXT NOT NULL,
  exchange      TEXT NOT NULL,
  symbols       TEXT NOT NULL,
  timeframe     TEXT NOT NULL,
  signal_ttl_ms INTEGER NOT NULL,
  params        TEXT NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('ACTIVE', 'REMOVED')),
  origin        TEXT NOT NULL CHECK (origin IN ('config', 'api')),
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriptions (
  subscription_id TEXT PRIMARY KEY,
  user_id         TEXT NOT NULL REFERENCES users,
  strategy        TEXT NOT NULL REFERENCES strategies,
  status          TEXT NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED', 'CANCELLED')),
  origin          TEXT NOT NULL CHECK (origin IN ('config', 'api')),
  updated_at_ms   INTEGER NOT NULL,
  UNIQUE (user_id, strategy)
) STRICT, WITHOUT ROWID;

CREATE TABLE signals (
  signal_id       TEXT PRIMARY KEY,
  strategy        TEXT NOT NULL REFERENCES strategies,
  source          TEXT NOT NULL,
  exchange        TEXT NOT NULL,
  symbol          TEXT NOT NULL,
  timeframe       TEXT,
  action          TEXT NOT NULL CHECK (action IN ('LONG', 'SHORT', 'EXIT_LONG', 'EXIT_SHORT')),
  strength        TEXT NOT NULL CHECK (strength IN ('WEAK', 'MODERATE', 'STRONG', 'VERY_STRONG')),
  confidence      REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
  price           TEXT,
  stop_loss       TEXT,
  take_profits    TEXT NOT NULL,
  reason          TEXT NOT NULL,
  candle_close_ms INTEGER,
  created_at_ms   INTEGER NOT NULL,
  expires_at_ms   INTEGER NOT NULL CHECK (expires_at_ms > created_at_ms),
  status          TEXT NOT NULL CHECK (status IN ('ACTIVE', 'EXPIRED', 'CANCELLED'))
) STRICT, WITHOUT ROWID;
CREATE INDEX signals_by_time ON signals (created_at_ms);
CREATE INDEX signals_active ON signals (expires_at_ms) WHERE status = 'ACTIVE';

CREATE TABLE strategy_runs (
  strategy        TEXT NOT NULL,
  symbol          TEXT NOT NULL,
  timeframe       TEXT NOT NULL,
  candle_close_ms INTEGER NOT NULL,
  started_at_ms   INTEGER NOT NULL,
  duration_ms     INTEGER NOT NULL,
  drift_ms        INTEGER NOT NULL,
  outcome         TEXT NOT NULL CHECK (outcome IN ('signal', 'no_signal', 'failed', 'skipped')),
  signal_id       TEXT REFERENCES signals,
  subscribers     INTEGER NOT NULL,
  error           TEXT,
  PRIMARY KEY (strategy, symbol, timeframe, candle_close_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
  signal_id     TEXT NOT NULL REFERENCES signals,
  user_id       TEXT NOT NULL REFERENCES users,
  outcome       TEXT NOT NULL CHECK (outcome IN ('EXECUTE', 'SKIP')),
  code          TEXT NOT NULL,
  detail        TEXT NOT NULL,
  decided_at_ms INTEGER NOT NULL,
  PRIMARY KEY (signal_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_by_user ON decisions (user_id, decided_at_ms);

-- The primary key is the promise: whoever inserts the row owns the execution, nobody else ever can.
CREATE TABLE signal_executions (
  signal_id           TEXT NOT NULL REFERENCES signals,
  user_id             TEXT NOT NULL REFERENCES users,
  subscription_id     TEXT NOT NULL,
  mode                TEXT NOT NULL CHECK (mode IN ('signals', 'paper', 'live')),
  status              TEXT NOT NULL
                      CHECK (status IN ('pending', 'executed', 'partial', 'failed', 'unknown')),
  claimed_at_ms       INTEGER NOT NULL,
  executed_at_ms      INTEGER,
  actual_entry_price  TEXT,
  quantity            TEXT,
  leverage            INTEGER,
  order_id            TEXT,
  client_order_id     TEXT,
  position_id         TEXT,
  slippage_bps        TEXT,
  latency_ms          INTEGER,
  failed_at_ms        INTEGER,
  failure_reason      TEXT,
  error_details       TEXT,
  ai_decision_applied INTEGER NOT NULL CHECK (ai_decision_applied IN (0, 1)),
  ai_confidence       REAL,
  ai_skip_reason      TEXT,
  UNIQUE (signal_id, user_id)
) STRICT;
CREATE INDEX executions_by_user ON signal_executions (user_id, claimed_at_ms);
CREATE INDEX executions_by_time ON signal_executions (claimed_at_ms);
CREATE INDEX executions_in_doubt ON signal_executions (user_id)
  WHERE status IN ('pending', 'unknown');

CREATE TABLE orders (
  client_order_id   TEXT PRIMARY KEY,
  user_id           TEXT NOT NULL REFERENCES users,
  signal_id         TEXT REFERENCES signals,
  position_id       TEXT,
  leg               TEXT NOT NULL CHECK (leg IN ('entry', 'stop_loss', 'take_profit', 'exit')),
  exchange          TEXT NOT NULL,
  symbol            TEXT NOT NULL,
  side              TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  type              TEXT NOT NULL CHECK (type IN ('market', 'limit', 'stop', 'take_profit')),
  quantity          TEXT NOT NULL,
  price             TEXT,
  trigger_price     TEXT,
  reduce_only       INTEGER NOT NULL CHECK (reduce_only IN (0, 1)),
  leverage          INTEGER NOT NULL,
  intended_at_ms    INTEGER NOT NULL,
  status            TEXT NOT NULL
                    CHECK (status IN ('intended', 'open', 'filled', 'partially_filled',
                                      'cancelled', 'rejected', 'unknown')),
  exchange_order_id TEXT,
  filled            TEXT NOT NULL,
  average_price     TEXT,
  fee               TEXT NOT NULL,
  fee_currency      TEXT,
  updated_at_ms     INTEGER NOT NULL,
  error             TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_user ON orders (user_id, intended_at_ms);
CREATE INDEX orders_by_position ON orders (position_id);
CREATE INDEX orders_unfinished ON orders (user_id)
  WHERE status IN ('intended', 'open', 'partially_filled', 'unknown');

CREATE TABLE fills (
  exchange        TEXT NOT NULL,
  user_id         TEXT NOT NULL REFERENCES users,
  trade_id        TEXT NOT NULL,
  client_order_id TEXT NOT NULL,
  position_id     TEXT,
  symbol          TEXT NOT NULL,
  side            TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  quantity        TEXT NOT NULL,
  price           TEXT NOT NULL,
  fee             TEXT NOT NULL,
  fee_currency    TEXT NOT NULL,
  filled_at_ms    INTEGER NOT NULL,
  is_liquidation  INTEGER NOT NULL CHECK (is_liquidation IN (0, 1)),
  PRIMARY KEY (exchange, user_id, trade_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_by_position ON fills (position_id);

CREATE TABLE positions (
  position_id     TEXT PRIMARY KEY,
  user_id         TEXT NOT NULL REFERENCES users,
  signal_id       TEXT NOT NULL REFERENCES signals,
  strategy        TEXT NOT NULL,
  exchange        TEXT NOT NULL,
  symbol          TEXT NOT NULL,
  side            TEXT NOT NULL CHECK (side IN ('LONG', 'SHORT')),
  mode            TEXT NOT NULL CHECK (mode IN ('paper', 'live')),
  status          TEXT NOT NULL CHECK (status IN ('OPEN', 'CLOSING', 'CLOSED')),
  quantity        TEXT NOT NULL,
  entry_quantity  TEXT NOT NULL,
  entry_price     TEXT NOT NULL,
  stop_loss       TEXT,
  stop_kind       TEXT NOT NULL CHECK (stop_kind IN ('initial', 'break_even', 'trailing')),
  take_profits    TEXT NOT NULL,
  targets_hit     INTEGER NOT NULL,
  best_price      TEXT,
  leverage        INTEGER NOT NULL,
  opened_at_ms    INTEGER NOT NULL,
  protected_at_ms INTEGER,
  closed_at_ms    INTEGER,
  exit_quantity   TEXT NOT NULL,
  exit_price      TEXT,
  close_reason    TEXT,
  realized_pnl    TEXT NOT NULL,
  fees            TEXT NOT NULL,
  funding         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX positions_by_user ON positions (user_id, opened_at_ms);
CREATE INDEX positions_by_close ON positions (user_id, closed_at_ms);
CREATE UNIQUE INDEX positions_one_open ON positions (user_id, exchange, symbol)
  WHERE status <> 'CLOSED';
