-- Where the strategy behind a source of alerts stands in each market, by its latest alert. A gap
-- says that the alert before that one never came; the journal tells of it.

CREATE TABLE alignments (
  strategy    TEXT NOT NULL,
  symbol      TEXT NOT NULL,
  position    TEXT NOT NULL CHECK (position IN ('long', 'short', 'flat')),
  key         TEXT NOT NULL,
  heard_at_ms INTEGER NOT NULL,
  sent_at_ms  INTEGER,
  gap_known   TEXT CHECK (gap_known IN ('long', 'short', 'flat')),
  gap_told    TEXT CHECK (gap_told IN ('long', 'short', 'flat')),
  PRIMARY KEY (strategy, symbol),
  CHECK ((gap_known IS NULL) = (gap_told IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER alert_missed AFTER UPDATE ON alignments
WHEN new.gap_known IS NOT NULL AND new.key <> old.key BEGIN
  INSERT INTO events (at_ms, kind, strategy, symbol, detail)
  VALUES (new.heard_at_ms, 'alert.missed', new.strategy, new.symbol,
          json_object('known', new.gap_known, 'told', new.gap_told, 'position', new.position));
END;
