-- Notices on their way to people. The cursor of the journal and the notices of the events it passes
-- are written in one transaction, so a restart loses no notice and writes none twice.

CREATE TABLE notice_cursor (
  one          INTEGER PRIMARY KEY CHECK (one = 1),
  event_id     INTEGER NOT NULL,
  summed_up_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE notices (
  notice_id      INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id       INTEGER,
  recipient      TEXT NOT NULL,
  place          INTEGER NOT NULL,
  kind           TEXT NOT NULL,
  is_silent      INTEGER NOT NULL CHECK (is_silent IN (0, 1)),
  title          TEXT NOT NULL,
  body           TEXT NOT NULL,
  created_at_ms  INTEGER NOT NULL,
  status         TEXT NOT NULL CHECK (status IN ('waiting', 'delivered', 'parked')),
  attempts       INTEGER NOT NULL,
  finished_at_ms INTEGER,
  UNIQUE (event_id, recipient, place)
) STRICT;
CREATE INDEX notices_waiting ON notices (recipient, place, notice_id) WHERE status = 'waiting';
CREATE INDEX notices_finished ON notices (finished_at_ms) WHERE status <> 'waiting';

-- An entry that the exchange has acknowledged and not filled yet.
CREATE TRIGGER order_sent AFTER UPDATE OF status ON orders
WHEN new.leg = 'entry' AND new.status = 'open' AND old.status IN ('intended', 'unknown') BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  VALUES (new.updated_at_ms, 'order.sent', new.user_id,
          (SELECT strategy FROM signals WHERE signal_id = new.signal_id), new.symbol,
          new.signal_id, new.position_id,
          json_object('leg', new.leg, 'side', new.side, 'type', new.type,
                      'quantity', new.quantity, 'price', new.price,
                      'client_order_id', new.client_order_id));
END;
