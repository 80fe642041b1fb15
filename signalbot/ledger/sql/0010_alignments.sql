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

-- Sources that were not heard of for longer than they promised; ended_at_ms is NULL while it lasts.
CREATE TABLE silences (
  strategy      TEXT PRIMARY KEY,
  heard_at_ms   INTEGER NOT NULL,
  noticed_at_ms INTEGER NOT NULL,
  ended_at_ms   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TRIGGER source_silent_first AFTER INSERT ON silences BEGIN
  INSERT INTO events (at_ms, kind, strategy, detail)
  VALUES (new.noticed_at_ms, 'source.silent', new.strategy,
          json_object('heard_at_ms', new.heard_at_ms));
END;

CREATE TRIGGER source_silent_again AFTER UPDATE ON silences
WHEN new.ended_at_ms IS NULL AND old.ended_at_ms IS NOT NULL BEGIN
  INSERT INTO events (at_ms, kind, strategy, detail)
  VALUES (new.noticed_at_ms, 'source.silent', new.strategy,
          json_object('heard_at_ms', new.heard_at_ms));
END;

CREATE TRIGGER source_heard AFTER UPDATE ON silences
WHEN new.ended_at_ms IS NOT NULL AND old.ended_at_ms IS NULL BEGIN
  INSERT INTO events (at_ms, kind, strategy, detail)
  VALUES (new.ended_at_ms, 'source.heard', new.strategy,
          json_object('heard_at_ms', new.heard_at_ms));
END;
