-- Positions that closing orders opened on the other side, where an exchange let them; each was
-- closed at once by the order that is named.
CREATE TABLE opposite_positions (
  client_order_id TEXT PRIMARY KEY REFERENCES orders,
  user_id         TEXT NOT NULL REFERENCES users,
  symbol          TEXT NOT NULL,
  exchange        TEXT NOT NULL,
  position_id     TEXT NOT NULL REFERENCES positions, -- that the closing orders were for
  side            TEXT NOT NULL,
  quantity        TEXT NOT NULL,
  found_at_ms     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER opposite_position AFTER INSERT ON opposite_positions BEGIN
  INSERT INTO events (at_ms, kind, user_id, symbol, position_id, detail)
  VALUES (new.found_at_ms, 'position.opposite_found', new.user_id, new.symbol, new.position_id,
          json_object('exchange', new.exchange, 'side', new.side, 'quantity', new.quantity));
END;
