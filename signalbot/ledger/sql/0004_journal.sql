-- The journal: what has happened, in the order in which it was committed. Triggers write it inside
-- the transaction that makes the change, so nothing is told that is not true, and nothing that is
-- true can be left out by whoever changes a table next. Rising ids are never used twice: a reader
-- that remembers the last one it has seen misses nothing and sees nothing again.

CREATE TABLE events (
  event_id    INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms       INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  user_id     TEXT,
  strategy    TEXT,
  symbol      TEXT,
  signal_id   TEXT,
  position_id TEXT,
  detail      TEXT NOT NULL
) STRICT;

ALTER TABLE signals ADD COLUMN cancelled_at_ms INTEGER;
ALTER TABLE daemon_state ADD COLUMN updated_at_ms INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER signal_created AFTER INSERT ON signals BEGIN
  INSERT INTO events (at_ms, kind, strategy, symbol, signal_id, detail)
  VALUES (new.created_at_ms, 'signal.created', new.strategy, new.symbol, new.signal_id,
          json_object('source', new.source, 'exchange', new.exchange, 'timeframe', new.timeframe,
                      'action', new.action, 'strength', new.strength,
                      'confidence', new.confidence, 'price', new.price,
                      'stop_loss', new.stop_loss, 'take_profits', json(new.take_profits),
                      'reason', new.reason, 'expires_at_ms', new.expires_at_ms));
END;

CREATE TRIGGER signal_ended AFTER UPDATE OF status ON signals
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, strategy, symbol, signal_id, detail)
  VALUES (coalesce(new.cancelled_at_ms, new.expires_at_ms), 'signal.' || lower(new.status),
          new.strategy, new.symbol, new.signal_id, json_object('action', new.action));
END;

CREATE TRIGGER decision_made AFTER INSERT ON decisions BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, detail)
  SELECT new.decided_at_ms, 'decision.' || lower(new.outcome), new.user_id, s.strategy, s.symbol,
         new.signal_id, json_object('code', new.code, 'action', s.action,
                                    'numbers', json(new.detail))
    FROM signals s WHERE s.signal_id = new.signal_id;
END;

CREATE TRIGGER execution_claimed AFTER INSERT ON signal_executions BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  SELECT new.claimed_at_ms, 'execution.' || new.status, new.user_id, s.strategy, s.symbol,
         new.signal_id, new.position_id,
         json_object('mode', new.mode, 'action', s.action, 'quantity', new.quantity,
                     'leverage', new.leverage)
    FROM signals s WHERE s.signal_id = new.signal_id;
END;

CREATE TRIGGER execution_changed AFTER UPDATE OF status ON signal_executions
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  SELECT CASE new.status WHEN 'failed' THEN coalesce(new.failed_at_ms, new.claimed_at_ms)
                         ELSE coalesce(new.executed_at_ms, new.claimed_at_ms) END,
         'execution.' || new.status, new.user_id, s.strategy, s.symbol, new.signal_id,
         new.position_id,
         json_object('mode', new.mode, 'action', s.action, 'quantity', new.quantity,
                     'leverage', new.leverage, 'price', new.actual_entry_price,
                     'slippage_bps', new.slippage_bps, 'latency_ms', new.latency_ms,
                     'failure_reason', new.failure_reason, 'error_details', new.error_details)
    FROM signals s WHERE s.signal_id = new.signal_id;
END;

CREATE TRIGGER order_filled AFTER UPDATE OF status ON orders
WHEN new.status = 'filled' AND old.status <> 'filled' BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  VALUES (new.updated_at_ms,
          CASE new.leg WHEN 'take_profit' THEN 'position.target_hit' ELSE 'order.filled' END,
          new.user_id, (SELECT strategy FROM signals WHERE signal_id = new.signal_id),
          new.symbol, new.signal_id, new.position_id,
          json_object('leg', new.leg, 'side', new.side, 'quantity', new.filled,
                      'price', new.average_price, 'client_order_id', new.client_order_id));
END;

CREATE TRIGGER position_opened AFTER INSERT ON positions BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  VALUES (new.opened_at_ms, 'position.opened', new.user_id, new.strategy, new.symbol,
          new.signal_id, new.position_id,
          json_object('mode', new.mode, 'side', new.side, 'quantity', new.quantity,
                      'entry_price', new.entry_price, 'stop_loss', new.stop_loss,
                      'take_profits', json(new.take_profits), 'leverage', new.leverage));
END;

CREATE TRIGGER position_protected AFTER UPDATE OF protected_at_ms ON positions
WHEN new.protected_at_ms IS NOT NULL AND old.protected_at_ms IS NULL BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  VALUES (new.protected_at_ms, 'position.protected', new.user_id, new.strategy, new.symbol,
          new.signal_id, new.position_id,
          json_object('mode', new.mode, 'side', new.side, 'quantity', new.quantity,
                      'entry_price', new.entry_price, 'stop_loss', new.stop_loss,
                      'take_profits', json(new.take_profits)));
END;

CREATE TRIGGER position_closed AFTER UPDATE OF status ON positions
WHEN new.status = 'CLOSED' AND old.status <> 'CLOSED' BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  VALUES (coalesce(new.closed_at_ms, new.opened_at_ms), 'position.closed', new.user_id, new.strategy, new.symbol,
          new.signal_id, new.position_id,
          json_object('mode', new.mode, 'side', new.side, 'quantity', new.entry_quantity,
                      'entry_price', new.entry_price, 'exit_price', new.exit_price,
                      'close_reason', new.close_reason, 'realized_pnl', new.realized_pnl,
                      'fees', new.fees, 'funding', new.funding,
                      'opened_at_ms', new.opened_at_ms));
END;

CREATE TRIGGER user_changed AFTER UPDATE OF status ON users
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, user_id, detail)
  VALUES (new.updated_at_ms, 'user.' || lower(new.status), new.user_id,
          json_object('reason', new.status_reason));
END;

CREATE TRIGGER subscription_changed AFTER UPDATE OF status ON subscriptions
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, detail)
  VALUES (new.updated_at_ms, 'subscription.' || lower(new.status), new.user_id, new.strategy,
          json_object('subscription_id', new.subscription_id));
END;

CREATE TRIGGER trading_halted AFTER INSERT ON daemon_state
WHEN new.key = 'halted' BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.updated_at_ms,
          CASE new.value WHEN 'null' THEN 'trading.resumed' ELSE 'trading.halted' END,
          json_object('reason', json(new.value)));
END;

CREATE TRIGGER trading_changed AFTER UPDATE OF value ON daemon_state
WHEN new.key = 'halted' AND new.value <> old.value BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.updated_at_ms,
          CASE new.value WHEN 'null' THEN 'trading.resumed' ELSE 'trading.halted' END,
          json_object('reason', json(new.value)));
END;
