-- Which alert of a source came last in each market, and how many signals there have been: the same
-- alert again is a repeat only while no other signal of its market has come in between.

CREATE TABLE signal_counts (
  strategy TEXT NOT NULL,
  symbol   TEXT NOT NULL,
  signals  INTEGER NOT NULL,
  PRIMARY KEY (strategy, symbol)
) STRICT, WITHOUT ROWID;

INSERT INTO signal_counts (strategy, symbol, signals)
SELECT strategy, symbol, count(*) FROM signals GROUP BY strategy, symbol;

CREATE TRIGGER signal_counted AFTER INSERT ON signals BEGIN
  INSERT INTO signal_counts (strategy, symbol, signals) VALUES (new.strategy, new.symbol, 1)
  ON CONFLICT (strategy, symbol) DO UPDATE SET signals = signals + 1;
END;

CREATE TABLE alert_deliveries (
  strategy       TEXT NOT NULL,
  symbol         TEXT NOT NULL,
  digest         TEXT NOT NULL,
  signals_before INTEGER NOT NULL,
  signals_made   INTEGER NOT NULL,
  at_ms          INTEGER NOT NULL,
  PRIMARY KEY (strategy, symbol)
) STRICT, WITHOUT ROWID;
