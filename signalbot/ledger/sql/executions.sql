-- claim_execution --
-- One statement decides who acts: only an open signal can be claimed, and only once per user.
INSERT INTO signal_executions
  (signal_id, user_id, subscription_id, mode, status, claimed_at_ms, quantity, leverage,
   client_order_id, position_id, ai_decision_applied, ai_confidence,
   ai_skip_reason)
SELECT :signal_id, :user_id, :subscription_id, :mode, 'pending', :claimed_at_ms, :quantity,
       :leverage, :client_order_id, :position_id, :ai_decision_applied, :ai_confidence,
       :ai_skip_reason
 WHERE EXISTS (SELECT 1 FROM signals
                WHERE signal_id = :signal_id AND status = 'ACTIVE'
                  AND expires_at_ms > :claimed_at_ms)
ON CONFLICT DO NOTHING
RETURNING signal_id;

-- has_user_executed --
SELECT 1 FROM signal_executions WHERE signal_id = ? AND user_id = ?;

-- execution --
SELECT * FROM signal_executions WHERE signal_id = ? AND user_id = ?;

-- executions_of_signal --
SELECT * FROM signal_executions WHERE signal_id = ? ORDER BY claimed_at_ms, user_id;

-- unresolved_executions --
SELECT * FROM signal_executions INDEXED BY executions_in_doubt
 WHERE status IN ('pending', 'unknown') AND user_id = ? ORDER BY claimed_at_ms;

-- latest_slippages --
SELECT o.symbol, e.slippage_bps FROM signal_executions e INDEXED BY executions_by_user
  JOIN orders o ON o.client_order_id = e.client_order_id
 WHERE e.user_id = ? AND e.slippage_bps IS NOT NULL AND o.leg = 'entry' AND o.type = 'market'
 ORDER BY e.claimed_at_ms DESC LIMIT ?;

-- mark_executed --
UPDATE signal_executions
   SET status = :status, executed_at_ms = :executed_at_ms,
       actual_entry_price = :actual_entry_price, quantity = :quantity, order_id = :order_id,
       slippage_bps = :slippage_bps, latency_ms = :latency_ms, failure_reason = :failure_reason,
       failed_at_ms = NULL
 WHERE signal_id = :signal_id AND user_id = :user_id
   AND (status IN ('pending', 'unknown', 'partial')
        OR failure_reason IN ('NOT_RECEIVED', 'INTERRUPTED', 'NOT_FILLED'));

-- mark_failed --
UPDATE signal_executions
   SET status = 'failed', failed_at_ms = :failed_at_ms, failure_reason = :failure_reason,
       error_details = :error_details
 WHERE signal_id = :signal_id AND user_id = :user_id AND status IN ('pending', 'unknown');

-- mark_unknown --
UPDATE signal_executions SET status = 'unknown', error_details = :error_details
 WHERE signal_id = :signal_id AND user_id = :user_id AND status = 'pending';

-- decision_counts --
SELECT code, count(*) AS n FROM decisions WHERE signal_id = ? GROUP BY code ORDER BY code;

