-- What live accounts were last seen to be, so that a start need not ask for all of it again; when the
-- daemon was last alive; and the funding their positions paid or received.

CREATE TABLE account_balances (
  exchange TEXT NOT NULL,
  user_id  TEXT NOT NULL,
  equity   TEXT NOT NULL,
  free     TEXT NOT NULL,
  as_of_ms INTEGER NOT NULL,
  PRIMARY KEY (exchange, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_settings (
  exchange      TEXT NOT NULL,
  user_id       TEXT NOT NULL,
  symbol        TEXT NOT NULL, -- '': of the whole account, which was in one-way mode then
  leverage      INTEGER,
  margin_mode   TEXT CHECK (margin_mode IN ('isolated', 'cross')),
  checked_at_ms INTEGER NOT NULL,
  PRIMARY KEY (exchange, user_id, symbol)
) STRICT, WITHOUT ROWID;

CREATE TABLE daemon_life (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  alive_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE funding_payments (
  exchange    TEXT NOT NULL,
  user_id     TEXT NOT NULL REFERENCES users,
  symbol      TEXT NOT NULL,
  payment_id  TEXT NOT NULL,
  position_id TEXT NOT NULL REFERENCES positions,
  amount      TEXT NOT NULL,
  paid_at_ms  INTEGER NOT NULL,
  PRIMARY KEY (exchange, user_id, symbol, payment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX funding_by_position ON funding_payments (position_id);

-- Live positions that may still pay or receive funding, and until when theirs is booked.
CREATE TABLE funding_due (
  position_id TEXT PRIMARY KEY REFERENCES positions,
  covered_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO funding_due (position_id, covered_ms)
SELECT position_id, opened_at_ms FROM positions
 WHERE mode = 'live' AND status <> 'CLOSED' AND instr(symbol, ':') > 0;

CREATE TRIGGER funding_begins AFTER INSERT ON positions
WHEN new.mode = 'live' AND instr(new.symbol, ':') > 0 BEGIN
  INSERT INTO funding_due (position_id, covered_ms) VALUES (new.position_id, new.opened_at_ms);
END;

CREATE TRIGGER funding_paid AFTER INSERT ON funding_payments BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  SELECT new.paid_at_ms, 'funding.paid', p.user_id, p.strategy, p.symbol, p.signal_id,
         p.position_id, json_object('amount', new.amount)
    FROM positions p WHERE p.position_id = new.position_id;
END;

-- Rules of markets as an exchange last listed them, for the time before it can be reached.
CREATE TABLE instruments (
  exchange           TEXT NOT NULL,
  symbol             TEXT NOT NULL,
  base               TEXT NOT NULL,
  quote              TEXT NOT NULL,
  kind               TEXT NOT NULL CHECK (kind IN ('spot', 'swap')),
  tick               TEXT NOT NULL,
  lot                TEXT NOT NULL,
  min_quantity       TEXT NOT NULL,
  min_notional       TEXT NOT NULL,
  contract_size      TEXT NOT NULL,
  maintenance_margin TEXT NOT NULL,
  PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;
