-- Keeping: which ledger this is, what has moved to archives, and room on the disk.

CREATE TABLE lineage (ledger_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO lineage VALUES (lower(hex(randomblob(16))));

-- An archive is a file beside the ledger; up to `bytes` of it belongs to rows that are gone here.
CREATE TABLE archives (
  month         TEXT PRIMARY KEY,
  bytes         INTEGER NOT NULL,
  rows          INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What has moved: its event can never make a second signal, and its story can be found.
CREATE TABLE archived_signals (
  signal_id TEXT PRIMARY KEY,
  month     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER signal_seen_before BEFORE INSERT ON signals
WHEN EXISTS (SELECT 1 FROM archived_signals a WHERE a.signal_id = new.signal_id) BEGIN
  SELECT RAISE(IGNORE);
END;

-- A signal goes when nothing refers to it: looked up by these, not by walking the tables.
CREATE INDEX runs_by_signal ON strategy_runs (signal_id) WHERE signal_id IS NOT NULL;
CREATE INDEX runs_by_close ON strategy_runs (candle_close_ms);
CREATE INDEX orders_by_signal ON orders (signal_id) WHERE signal_id IS NOT NULL;
CREATE INDEX positions_by_signal ON positions (signal_id);

CREATE TRIGGER disk_first AFTER INSERT ON daemon_state
WHEN new.key = 'disk_low' AND new.value <> 'null' BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.updated_at_ms, 'disk.low', json_object('reason', json(new.value)));
END;

CREATE TRIGGER disk_changed AFTER UPDATE OF value ON daemon_state
WHEN new.key = 'disk_low' AND (new.value = 'null') <> (old.value = 'null') BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.updated_at_ms, CASE new.value WHEN 'null' THEN 'disk.recovered' ELSE 'disk.low' END,
          json_object('reason', json(new.value)));
END;
