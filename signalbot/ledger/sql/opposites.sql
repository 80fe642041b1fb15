-- put --
INSERT INTO opposite_positions
  (client_order_id, user_id, symbol, exchange, position_id, side, quantity, found_at_ms)
VALUES
  (:client_order_id, :user_id, :symbol, :exchange, :position_id, :side, :quantity, :found_at_ms);
