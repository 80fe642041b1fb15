-- due --
SELECT p.*, d.covered_ms AS covered_ms
  FROM funding_due d CROSS JOIN positions p ON p.position_id = d.position_id
 WHERE p.exchange = ? AND d.covered_ms < ?
 ORDER BY d.covered_ms;

-- cover --
UPDATE funding_due SET covered_ms = max(covered_ms, ?) WHERE position_id = ?;

-- end --
DELETE FROM funding_due WHERE position_id = ?;

-- put --
INSERT INTO funding_payments
  (exchange, user_id, symbol, payment_id, position_id, amount, paid_at_ms)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING payment_id;

