-- signal --
SELECT * FROM signals WHERE signal_id = ?;

-- active_signals --
-- By the index of what is active: the order alone would walk every signal there ever was.
SELECT * FROM signals INDEXED BY signals_active
 WHERE status = 'ACTIVE' AND expires_at_ms > ? ORDER BY created_at_ms, signal_id;

-- expire_signals --
UPDATE signals SET status = 'EXPIRED' WHERE status = 'ACTIVE' AND expires_at_ms <= ?
RETURNING signal_id;

-- cancel_signal --
UPDATE signals SET status = 'CANCELLED', cancelled_at_ms = :now_ms
 WHERE signal_id = :signal_id AND status = 'ACTIVE'
RETURNING signal_id;

-- undecided_users --
-- Subscribers of an open signal who have not decided on it: the ones to catch up.
SELECT s.user_id FROM subscriptions s
 WHERE s.strategy = (SELECT strategy FROM signals WHERE signal_id = :signal_id)
   AND s.status <> 'CANCELLED'
   AND NOT EXISTS (SELECT 1 FROM decisions d
                    WHERE d.signal_id = :signal_id AND d.user_id = s.user_id)
 ORDER BY s.user_id;

-- decisions_of_signal --
SELECT * FROM decisions WHERE signal_id = ? ORDER BY decided_at_ms, user_id;

-- last_run --
SELECT max(candle_close_ms) AS close_ms FROM strategy_runs
 WHERE strategy = ? AND symbol = ? AND timeframe = ?;
