-- signal_count --
SELECT signals FROM signal_counts WHERE strategy = ? AND symbol = ?;

-- last_delivery --
SELECT digest, signals_before, signals_made, at_ms FROM alert_deliveries
 WHERE strategy = ? AND symbol = ?;

-- put_delivery --
INSERT INTO alert_deliveries (strategy, symbol, digest, signals_before, signals_made, at_ms)
VALUES (:strategy, :symbol, :digest, :signals_before, :signals_made, :at_ms)
ON CONFLICT (strategy, symbol) DO UPDATE SET digest = excluded.digest,
  signals_before = excluded.signals_before, signals_made = excluded.signals_made,
  at_ms = excluded.at_ms;

-- correct_delivery --
UPDATE alert_deliveries SET signals_made = :signals_made
 WHERE strategy = :strategy AND symbol = :symbol AND digest = :digest;
