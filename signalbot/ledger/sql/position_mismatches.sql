-- mismatches --
SELECT user_id, symbol, ledger, held FROM position_mismatches;

-- put_mismatch --
INSERT INTO position_mismatches (user_id, symbol, exchange, ledger, held, since_ms)
VALUES (:user_id, :symbol, :exchange, :ledger, :held, :since_ms)
ON CONFLICT (user_id, symbol) DO UPDATE SET
  exchange = excluded.exchange, ledger = excluded.ledger, held = excluded.held,
  since_ms = excluded.since_ms;

-- end_mismatch --
DELETE FROM position_mismatches WHERE user_id = ? AND symbol = ?;

-- put_opposite --
INSERT INTO opposite_positions
  (client_order_id, user_id, symbol, exchange, position_id, side, quantity, found_at_ms)
VALUES
  (:client_order_id, :user_id, :symbol, :exchange, :position_id, :side, :quantity, :found_at_ms);
