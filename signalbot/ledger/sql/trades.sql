-- order --
SELECT * FROM orders WHERE client_order_id = ?;

-- orders_of_position --
SELECT * FROM orders WHERE position_id = ? ORDER BY intended_at_ms, client_order_id;

-- orders_of_signal --
SELECT * FROM orders WHERE signal_id = ? AND user_id = ? ORDER BY intended_at_ms, client_order_id;

-- unfinished_orders --
-- Named indexes hold only what is not over; SQLite would rather read a user's whole history.
SELECT * FROM orders INDEXED BY orders_unfinished
 WHERE status IN ('intended', 'open', 'partially_filled', 'unknown') AND user_id = ?
 ORDER BY intended_at_ms, client_order_id;

-- unconfirmed_entries --
-- A refusal before anything was sent has a code of a decision; these may have been sent.
SELECT o.* FROM orders o
  JOIN signal_executions e ON e.signal_id = o.signal_id AND e.user_id = o.user_id
 WHERE o.user_id = ? AND o.intended_at_ms >= ? AND o.updated_at_ms >= ?
   AND o.leg = 'entry' AND o.status = 'cancelled' AND o.exchange_order_id IS NULL
   AND (e.status IN ('pending', 'unknown')
        OR e.failure_reason IN ('NOT_RECEIVED', 'INTERRUPTED', 'NOT_FILLED'))
 ORDER BY o.intended_at_ms, o.client_order_id;

-- position --
SELECT * FROM positions WHERE position_id = ?;

-- open_positions --
SELECT * FROM positions INDEXED BY positions_one_open
 WHERE status <> 'CLOSED' AND user_id = ? ORDER BY opened_at_ms, position_id;

-- closed_since --
-- In the order they closed, for loss streaks, daily loss and cooldowns.
SELECT * FROM positions
 WHERE user_id = ? AND closed_at_ms >= ? ORDER BY closed_at_ms, position_id;

-- entries_since --
SELECT count(*) AS n FROM orders
 WHERE user_id = ? AND intended_at_ms >= ? AND leg = 'entry';

-- orders_with_pending_fills --
SELECT * FROM orders WHERE user_id = ? AND fee_currency IS NULL AND filled <> '0';

-- latest_fill --
SELECT max(filled_at_ms) AS at_ms FROM fills WHERE exchange = ? AND user_id = ?;

-- last_exit --
SELECT f.filled_at_ms, o.intended_at_ms, o.leg FROM fills f INDEXED BY fills_by_position
  JOIN orders o ON o.client_order_id = f.client_order_id
 WHERE f.position_id = ? AND o.leg <> 'entry' AND f.client_order_id <> ?
 ORDER BY f.filled_at_ms DESC, o.intended_at_ms DESC LIMIT 1;

-- last_filled_exit --
SELECT updated_at_ms AS filled_at_ms, intended_at_ms, leg FROM orders
 WHERE position_id = ? AND leg <> 'entry' AND filled <> '0' AND client_order_id <> ?
 ORDER BY updated_at_ms DESC, intended_at_ms DESC LIMIT 1;

-- orders_of_symbol --
SELECT * FROM orders
 WHERE user_id = ? AND intended_at_ms >= ? AND symbol = ? ORDER BY intended_at_ms, client_order_id;
