-- Exchanges that do not answer: the journal tells when one vanishes and when it is back.

CREATE TABLE absences (
  exchange TEXT NOT NULL,
  egress   TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  PRIMARY KEY (exchange, egress)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER exchange_lost_first AFTER INSERT ON absences BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.since_ms, 'exchange.lost',
          json_object('exchange', new.exchange, 'egress', new.egress, 'since_ms', new.since_ms));
END;

CREATE TRIGGER exchange_lost_again AFTER UPDATE ON absences
WHEN new.ended_at_ms IS NULL AND old.ended_at_ms IS NOT NULL BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.since_ms, 'exchange.lost',
          json_object('exchange', new.exchange, 'egress', new.egress, 'since_ms', new.since_ms));
END;

CREATE TRIGGER exchange_back AFTER UPDATE ON absences
WHEN new.ended_at_ms IS NOT NULL AND old.ended_at_ms IS NULL BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.ended_at_ms, 'exchange.back',
          json_object('exchange', new.exchange, 'egress', new.egress, 'since_ms', new.since_ms));
END;
