-- Whether a stop of each position rests at the exchange, since when, and how long none did. Triggers
-- keep it in the transaction that learns of it, so it cannot differ from the orders.

CREATE TABLE protection (
  position_id          TEXT PRIMARY KEY REFERENCES positions,
  confirmed_at_ms      INTEGER,
  unprotected_since_ms INTEGER,
  unprotected_ms       INTEGER NOT NULL CHECK (unprotected_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE reconciliations (
  user_id TEXT PRIMARY KEY REFERENCES users,
  at_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO protection (position_id, confirmed_at_ms, unprotected_since_ms, unprotected_ms)
SELECT p.position_id,
       (SELECT max(updated_at_ms) FROM orders
         WHERE position_id = p.position_id AND leg = 'stop_loss'
           AND status IN ('open', 'partially_filled')),
       CASE WHEN EXISTS (SELECT 1 FROM orders
                          WHERE position_id = p.position_id AND leg = 'stop_loss'
                            AND status IN ('open', 'partially_filled'))
            THEN NULL ELSE coalesce(p.protected_at_ms, p.opened_at_ms) END,
       0
  FROM positions p WHERE p.status <> 'CLOSED' AND p.stop_loss IS NOT NULL;

CREATE TRIGGER protection_wanted AFTER INSERT ON positions
WHEN new.stop_loss IS NOT NULL AND new.status <> 'CLOSED' BEGIN
  INSERT INTO protection (position_id, confirmed_at_ms, unprotected_since_ms, unprotected_ms)
  SELECT new.position_id, CASE WHEN stops THEN new.opened_at_ms END,
         CASE WHEN stops THEN NULL ELSE new.opened_at_ms END, 0
    FROM (SELECT count(*) AS stops FROM orders
           WHERE position_id = new.position_id AND leg = 'stop_loss'
             AND status IN ('open', 'partially_filled'));
END;

-- A stop may come to be wanted later, by trailing.
CREATE TRIGGER protection_wanted_now AFTER INSERT ON orders WHEN new.leg = 'stop_loss' BEGIN
  INSERT INTO protection (position_id, unprotected_since_ms, unprotected_ms)
  SELECT position_id, new.intended_at_ms, 0 FROM positions
   WHERE position_id = new.position_id AND status <> 'CLOSED'
  ON CONFLICT (position_id) DO NOTHING;
END;

CREATE TRIGGER protection_confirmed AFTER UPDATE OF status ON orders
WHEN new.leg = 'stop_loss' AND new.status IN ('open', 'partially_filled')
  AND old.status NOT IN ('open', 'partially_filled') BEGIN
  UPDATE protection
     SET unprotected_ms = unprotected_ms
                          + max(0, new.updated_at_ms - coalesce(unprotected_since_ms, new.updated_at_ms)),
         confirmed_at_ms = new.updated_at_ms, unprotected_since_ms = NULL
   WHERE position_id = new.position_id AND confirmed_at_ms IS NULL
     AND EXISTS (SELECT 1 FROM positions
                  WHERE position_id = new.position_id AND status <> 'CLOSED');
END;

-- A stop that has filled is not lost: it has done its work.
CREATE TRIGGER protection_lost AFTER UPDATE OF status ON orders
WHEN new.leg = 'stop_loss' AND old.status IN ('open', 'partially_filled')
  AND new.status IN ('cancelled', 'rejected', 'unknown') BEGIN
  UPDATE protection SET confirmed_at_ms = NULL, unprotected_since_ms = new.updated_at_ms
   WHERE position_id = new.position_id AND confirmed_at_ms IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM orders
                      WHERE position_id = new.position_id AND leg = 'stop_loss'
                        AND status IN ('open', 'partially_filled'));
END;

CREATE TRIGGER protection_over AFTER UPDATE OF status ON positions
WHEN new.status = 'CLOSED' AND old.status <> 'CLOSED' BEGIN
  UPDATE protection
     SET unprotected_ms = unprotected_ms
                          + max(0, coalesce(new.closed_at_ms - unprotected_since_ms, 0)),
         confirmed_at_ms = NULL, unprotected_since_ms = NULL
   WHERE position_id = new.position_id;
END;
