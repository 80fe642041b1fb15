-- An exit may close a part of a position, targets may carry shares of their own, and a stop may
-- trail by the signal's own distance.

ALTER TABLE signals ADD COLUMN exit_percent TEXT NOT NULL DEFAULT '100';
ALTER TABLE signals ADD COLUMN take_profit_shares TEXT NOT NULL DEFAULT '[]';
ALTER TABLE signals ADD COLUMN trailing_percent TEXT;
ALTER TABLE positions ADD COLUMN trailing_percent TEXT;

DROP TRIGGER signal_created;
CREATE TRIGGER signal_created AFTER INSERT ON signals BEGIN
  INSERT INTO events (at_ms, kind, strategy, symbol, signal_id, detail)
  VALUES (new.created_at_ms, 'signal.created', new.strategy, new.symbol, new.signal_id,
          json_object('source', new.source, 'exchange', new.exchange, 'timeframe', new.timeframe,
                      'action', new.action, 'strength', new.strength,
                      'confidence', new.confidence, 'price', new.price,
                      'stop_loss', new.stop_loss, 'take_profits', json(new.take_profits),
                      'take_profit_shares', json(new.take_profit_shares),
                      'trailing_percent', new.trailing_percent,
                      'exit_percent', new.exit_percent,
                      'reason', new.reason, 'expires_at_ms', new.expires_at_ms));
END;

-- The exit of a position that stays open has reduced it; the position is booked before its order.
DROP TRIGGER order_filled;
CREATE TRIGGER order_filled AFTER UPDATE OF status ON orders
WHEN new.status = 'filled' AND old.status <> 'filled' BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  SELECT new.updated_at_ms,
         CASE new.leg WHEN 'take_profit' THEN 'position.target_hit'
                      WHEN 'exit' THEN iif(p.status = 'OPEN', 'position.reduced', 'order.filled')
                      ELSE 'order.filled' END,
         new.user_id, (SELECT strategy FROM signals WHERE signal_id = new.signal_id),
         new.symbol, new.signal_id, new.position_id,
         json_object('leg', new.leg, 'side', new.side, 'quantity', new.filled,
                     'price', new.average_price, 'client_order_id', new.client_order_id,
                     'mode', p.mode, 'position_side', p.side, 'left', p.quantity,
                     'realized_pnl', p.realized_pnl)
    FROM (SELECT 1) LEFT JOIN positions p ON p.position_id = new.position_id;
END;
