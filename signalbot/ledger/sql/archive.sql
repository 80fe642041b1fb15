-- old_runs --
-- All but the newest of each strategy, market and timeframe: that one says where to go on.
SELECT * FROM strategy_runs r
 WHERE r.candle_close_ms < :cutoff_ms
   AND r.candle_close_ms < (SELECT max(n.candle_close_ms) FROM strategy_runs n
                             WHERE n.strategy = r.strategy AND n.symbol = r.symbol
                               AND n.timeframe = r.timeframe)
 ORDER BY r.candle_close_ms LIMIT :limit;

-- old_signals --
-- Those that are over, with a decision to move or nobody who acted on them, after a given one.
SELECT s.*, EXISTS (SELECT 1 FROM signal_executions e WHERE e.signal_id = s.signal_id)
         OR EXISTS (SELECT 1 FROM orders o WHERE o.signal_id = s.signal_id)
         OR EXISTS (SELECT 1 FROM positions p WHERE p.signal_id = s.signal_id)
         OR EXISTS (SELECT 1 FROM strategy_runs r WHERE r.signal_id = s.signal_id) AS is_needed,
       EXISTS (SELECT 1 FROM decisions d WHERE d.signal_id = s.signal_id) AS is_decided
  FROM signals s
 WHERE s.created_at_ms >= :after_ms AND s.created_at_ms < :cutoff_ms
   AND (s.created_at_ms, s.signal_id) > (:after_ms, :after_id)
   AND s.status <> 'ACTIVE' AND (is_decided OR NOT is_needed)
 ORDER BY s.created_at_ms, s.signal_id LIMIT :limit;

-- decisions_of --
SELECT * FROM decisions WHERE signal_id = ? ORDER BY user_id;

-- old_events --
-- From the oldest on until one is too young; the newest stays.
SELECT * FROM events
 WHERE event_id < (SELECT max(event_id) FROM events) ORDER BY event_id LIMIT :limit;

-- delete_run --
DELETE FROM strategy_runs
 WHERE strategy = :strategy AND symbol = :symbol AND timeframe = :timeframe
   AND candle_close_ms = :candle_close_ms;

-- delete_decisions --
DELETE FROM decisions WHERE signal_id = ?;

-- delete_signal --
DELETE FROM signals WHERE signal_id = ?;

-- delete_event --
DELETE FROM events WHERE event_id = ?;

-- remember_signal --
INSERT INTO archived_signals (signal_id, month) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- confirm --
INSERT INTO archives (month, bytes, rows, updated_at_ms) VALUES (:month, :bytes, :rows, :now_ms)
ON CONFLICT (month) DO UPDATE SET
  bytes = excluded.bytes, rows = rows + excluded.rows, updated_at_ms = excluded.updated_at_ms;

-- confirmed --
SELECT bytes FROM archives WHERE month = ?;

-- archives --
SELECT month, bytes, rows, updated_at_ms FROM archives ORDER BY month;

-- month_of_signal --
SELECT month FROM archived_signals WHERE signal_id = ?;
