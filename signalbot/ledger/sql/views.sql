-- What people and the API read. Listings are newest first and stop at :limit (-1: no limit), so
-- each walks an index backwards; :user, :strategy, :symbol and :status are NULL where any will do.

-- moment --
-- The computer's clock, and the latest instant anything in this ledger speaks of.
SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS clock_ms,
       (SELECT max(at_ms) FROM (
          SELECT max(created_at_ms) AS at_ms FROM signals
          UNION ALL
          SELECT max(claimed_at_ms) FROM signal_executions
          UNION ALL
          SELECT (SELECT max(candle_close_ms) FROM strategy_runs r
                   WHERE r.strategy = s.name AND r.symbol = each.value
                     AND r.timeframe = s.timeframe)
            FROM strategies s, json_each(s.symbols) each
          UNION ALL
          SELECT (SELECT max(closed_at_ms) FROM positions p WHERE p.user_id = u.user_id)
            FROM users u)) AS last_ms;

-- user_ids --
SELECT user_id FROM users ORDER BY user_id;

-- strategy_names --
SELECT name FROM strategies ORDER BY name;

-- users --
SELECT u.user_id, u.mode, u.status, u.status_reason, u.exchange, u.leverage, u.margin_mode,
       u.paper_balance, u.origin, u.updated_at_ms,
       (SELECT count(*) FROM subscriptions s
         WHERE s.user_id = u.user_id AND s.status = 'ACTIVE') AS subscriptions,
       (SELECT count(*) FROM positions p
         WHERE p.user_id = u.user_id AND p.status <> 'CLOSED') AS open_positions
  FROM users u
 WHERE (:user IS NULL OR u.user_id = :user) AND (:status IS NULL OR u.status = :status)
 ORDER BY u.user_id;

-- strategies --
SELECT s.name, s.kind, s.exchange, s.symbols, s.timeframe, s.signal_ttl_ms, s.params, s.status,
       s.origin, s.owner, s.version, s.updated_at_ms,
       (SELECT count(*) FROM subscriptions b JOIN users u ON u.user_id = b.user_id
         WHERE b.strategy = s.name AND b.status = 'ACTIVE' AND u.status = 'ACTIVE') AS subscribers
  FROM strategies s
 WHERE (:strategy IS NULL OR s.name = :strategy) AND (:status IS NULL OR s.status = :status)
 ORDER BY s.name;

-- last_runs --
-- The newest run of every strategy in use on each of its symbols.
SELECT s.name AS strategy, s.timeframe, each.value AS symbol, r.candle_close_ms, r.started_at_ms,
       r.duration_ms, r.drift_ms, r.outcome, r.signal_id, r.subscribers, r.error
  FROM strategies s, json_each(s.symbols) each
  LEFT JOIN strategy_runs r
    ON r.strategy = s.name AND r.symbol = each.value AND r.timeframe = s.timeframe
   AND r.candle_close_ms = (SELECT max(n.candle_close_ms) FROM strategy_runs n
                             WHERE n.strategy = s.name AND n.symbol = each.value
                               AND n.timeframe = s.timeframe)
 WHERE s.status = 'ACTIVE'
 ORDER BY s.name, each.key;

-- subscriptions --
SELECT subscription_id, user_id, strategy, status, origin, updated_at_ms FROM subscriptions
 WHERE (:user IS NULL OR user_id = :user) AND (:strategy IS NULL OR strategy = :strategy)
   AND (:status IS NULL OR status = :status)
 ORDER BY user_id, strategy;

-- signals --
SELECT * FROM signals
 WHERE created_at_ms >= :since_ms AND created_at_ms < :until_ms AND (:strategy IS NULL OR strategy = :strategy)
   AND (:symbol IS NULL OR symbol GLOB :symbol) AND (:status IS NULL OR status = :status)
 ORDER BY created_at_ms DESC, signal_id DESC LIMIT :limit;

-- signals_active --
SELECT * FROM signals INDEXED BY signals_active
 WHERE status = 'ACTIVE' AND created_at_ms >= :since_ms AND created_at_ms < :until_ms
   AND (:strategy IS NULL OR strategy = :strategy) AND (:symbol IS NULL OR symbol GLOB :symbol)
 ORDER BY created_at_ms DESC, signal_id DESC LIMIT :limit;

-- signals_of_user --
-- What one user decided on, with the decision.
SELECT s.*, d.user_id, d.outcome, d.code, d.detail, d.decided_at_ms
  FROM decisions d CROSS JOIN signals s ON s.signal_id = d.signal_id
 WHERE d.user_id = :user AND d.decided_at_ms >= :since_ms AND d.decided_at_ms < :until_ms
   AND (:strategy IS NULL OR s.strategy = :strategy)
   AND (:symbol IS NULL OR s.symbol GLOB :symbol) AND (:status IS NULL OR s.status = :status)
   AND (:code IS NULL OR d.code = :code)
 ORDER BY d.decided_at_ms DESC, d.signal_id DESC LIMIT :limit;

-- skips --
SELECT d.user_id, d.code, count(*) AS signals, max(d.decided_at_ms) AS last_at_ms
  FROM decisions d CROSS JOIN signals s ON s.signal_id = d.signal_id
 WHERE d.user_id = :user AND d.decided_at_ms >= :since_ms AND d.decided_at_ms < :until_ms
   AND d.outcome = 'SKIP' AND (:strategy IS NULL OR s.strategy = :strategy)
   AND (:symbol IS NULL OR s.symbol GLOB :symbol) AND (:status IS NULL OR s.status = :status)
 GROUP BY d.user_id, d.code;

-- executions --
SELECT e.*, s.strategy, s.exchange, s.symbol, s.timeframe, s.action, s.price AS signal_price
  FROM signal_executions e CROSS JOIN signals s ON s.signal_id = e.signal_id
 WHERE e.claimed_at_ms >= :since_ms AND e.claimed_at_ms < :until_ms AND (:strategy IS NULL OR s.strategy = :strategy)
   AND (:symbol IS NULL OR s.symbol GLOB :symbol) AND (:status IS NULL OR e.status = :status)
 ORDER BY e.claimed_at_ms DESC, e.rowid DESC LIMIT :limit;

-- executions_of_user --
SELECT e.*, s.strategy, s.exchange, s.symbol, s.timeframe, s.action, s.price AS signal_price
  FROM signal_executions e CROSS JOIN signals s ON s.signal_id = e.signal_id
 WHERE e.user_id = :user AND e.claimed_at_ms >= :since_ms AND e.claimed_at_ms < :until_ms
   AND (:strategy IS NULL OR s.strategy = :strategy)
   AND (:symbol IS NULL OR s.symbol GLOB :symbol) AND (:status IS NULL OR e.status = :status)
 ORDER BY e.claimed_at_ms DESC, e.rowid DESC LIMIT :limit;

-- unresolved_executions --
SELECT e.*, s.strategy, s.exchange, s.symbol, s.timeframe, s.action, s.price AS signal_price
  FROM signal_executions e INDEXED BY executions_in_doubt
 CROSS JOIN signals s ON s.signal_id = e.signal_id
 WHERE e.status IN ('pending', 'unknown') AND e.claimed_at_ms >= :since_ms AND e.claimed_at_ms < :until_ms
   AND (:user IS NULL OR e.user_id = :user) AND (:strategy IS NULL OR s.strategy = :strategy)
   AND (:symbol IS NULL OR s.symbol GLOB :symbol) AND (:status IS NULL OR e.status = :status)
 ORDER BY e.claimed_at_ms DESC, e.rowid DESC LIMIT :limit;

-- orders_of_user --
SELECT o.*, s.strategy
  FROM orders o LEFT JOIN signals s ON s.signal_id = o.signal_id
 WHERE o.user_id = :user AND o.intended_at_ms >= :since_ms AND o.intended_at_ms < :until_ms
   AND (:strategy IS NULL OR s.strategy = :strategy)
   AND (:symbol IS NULL OR o.symbol GLOB :symbol) AND (:status IS NULL OR o.status = :status)
 ORDER BY o.intended_at_ms DESC, o.client_order_id DESC LIMIT :limit;

-- orders_unfinished --
SELECT o.*, s.strategy
  FROM orders o INDEXED BY orders_unfinished LEFT JOIN signals s ON s.signal_id = o.signal_id
 WHERE o.status IN ('intended', 'open', 'partially_filled', 'unknown')
   AND o.intended_at_ms >= :since_ms AND o.intended_at_ms < :until_ms AND (:user IS NULL OR o.user_id = :user)
   AND (:strategy IS NULL OR s.strategy = :strategy)
   AND (:symbol IS NULL OR o.symbol GLOB :symbol) AND (:status IS NULL OR o.status = :status)
 ORDER BY o.intended_at_ms DESC, o.client_order_id DESC LIMIT :limit;

-- orders_of_position --
SELECT o.*, s.strategy
  FROM orders o LEFT JOIN signals s ON s.signal_id = o.signal_id
 WHERE o.position_id = ? ORDER BY o.intended_at_ms, o.leg <> 'entry', o.client_order_id;

-- positions_of_user --
SELECT p.*, x.confirmed_at_ms AS stop_confirmed_at_ms, x.unprotected_since_ms, x.unprotected_ms,
       r.at_ms AS reconciled_at_ms, m.held AS held_otherwise,
       (SELECT json_group_array(json_array(o.quantity, o.filled)) FROM orders o
         WHERE o.position_id = p.position_id AND o.leg = 'stop_loss'
           AND o.status IN ('open', 'partially_filled')) AS stops
  FROM positions p LEFT JOIN protection x ON x.position_id = p.position_id
       LEFT JOIN reconciliations r ON r.user_id = p.user_id
       LEFT JOIN position_mismatches m
         ON p.status <> 'CLOSED' AND m.user_id = p.user_id AND m.symbol = p.symbol
 WHERE p.user_id = :user AND p.opened_at_ms >= :since_ms AND p.opened_at_ms < :until_ms
   AND (:strategy IS NULL OR p.strategy = :strategy)
   AND (:symbol IS NULL OR p.symbol GLOB :symbol) AND (:status IS NULL OR p.status = :status)
   AND (:mode IS NULL OR p.mode = :mode)
 ORDER BY p.opened_at_ms DESC, p.position_id DESC LIMIT :limit;

-- positions_open --
SELECT p.*, x.confirmed_at_ms AS stop_confirmed_at_ms, x.unprotected_since_ms, x.unprotected_ms,
       r.at_ms AS reconciled_at_ms, m.held AS held_otherwise,
       (SELECT json_group_array(json_array(o.quantity, o.filled)) FROM orders o
         WHERE o.position_id = p.position_id AND o.leg = 'stop_loss'
           AND o.status IN ('open', 'partially_filled')) AS stops
  FROM positions p INDEXED BY positions_one_open LEFT JOIN protection x ON x.position_id = p.position_id
       LEFT JOIN reconciliations r ON r.user_id = p.user_id
       LEFT JOIN position_mismatches m
         ON p.status <> 'CLOSED' AND m.user_id = p.user_id AND m.symbol = p.symbol
 WHERE p.status <> 'CLOSED' AND p.opened_at_ms >= :since_ms AND p.opened_at_ms < :until_ms AND (:user IS NULL OR p.user_id = :user)
   AND (:strategy IS NULL OR p.strategy = :strategy)
   AND (:symbol IS NULL OR p.symbol GLOB :symbol) AND (:status IS NULL OR p.status = :status)
   AND (:mode IS NULL OR p.mode = :mode)
 ORDER BY p.opened_at_ms DESC, p.position_id DESC LIMIT :limit;

-- positions_closed --
-- Money is added up by whoever reads this: SQL would round it.
SELECT p.user_id, p.strategy, p.symbol, p.mode, p.closed_at_ms, p.realized_pnl, p.fees, p.funding
  FROM users u CROSS JOIN positions p
    ON p.user_id = u.user_id AND p.closed_at_ms >= :since_ms AND p.closed_at_ms < :until_ms
 WHERE (:user IS NULL OR u.user_id = :user) AND (:strategy IS NULL OR p.strategy = :strategy)
   AND (:symbol IS NULL OR p.symbol GLOB :symbol) AND (:mode IS NULL OR p.mode = :mode)
   AND p.status = 'CLOSED';

-- signal_ids_between --
SELECT signal_id FROM signals WHERE signal_id >= :first AND signal_id < :beyond
UNION
SELECT signal_id FROM archived_signals WHERE signal_id >= :first AND signal_id < :beyond
 ORDER BY signal_id LIMIT :limit;

-- newest_signal_ids --
SELECT signal_id FROM signals ORDER BY created_at_ms DESC, signal_id DESC LIMIT :limit;

-- signal --
SELECT * FROM signals WHERE signal_id = ?;

-- signal_outcomes --
-- One row for everybody who decided on a signal, acted on it, or is subscribed to its strategy.
SELECT who.user_id, coalesce(e.mode, u.mode) AS mode, u.status AS user_status,
       d.outcome, d.code, d.detail, d.decided_at_ms,
       e.status, e.claimed_at_ms, e.executed_at_ms, e.failed_at_ms, e.failure_reason,
       e.error_details, o.quantity AS asked_quantity,
       coalesce(o.filled, iif(e.executed_at_ms IS NULL, NULL, e.quantity)) AS filled_quantity,
       e.actual_entry_price, e.leverage, e.slippage_bps, e.latency_ms, e.order_id,
       e.client_order_id, e.ai_decision_applied, e.ai_confidence, e.ai_skip_reason,
       e.position_id, p.status AS position_status, p.close_reason, p.closed_at_ms, p.exit_price,
       p.realized_pnl, p.fees, p.funding
  FROM (SELECT user_id FROM decisions WHERE signal_id = :signal_id
        UNION
        SELECT user_id FROM signal_executions WHERE signal_id = :signal_id
        UNION
        SELECT user_id FROM subscriptions
         WHERE strategy = (SELECT strategy FROM signals WHERE signal_id = :signal_id)
           AND status <> 'CANCELLED') who
  JOIN users u ON u.user_id = who.user_id
  LEFT JOIN decisions d ON d.signal_id = :signal_id AND d.user_id = who.user_id
  LEFT JOIN signal_executions e ON e.signal_id = :signal_id AND e.user_id = who.user_id
  LEFT JOIN orders o ON o.client_order_id = e.client_order_id
  LEFT JOIN positions p ON p.position_id = e.position_id
 ORDER BY d.outcome IS NULL, d.outcome, who.user_id;

-- ongoing_outages --
SELECT exchange, egress, since_ms FROM absences
 WHERE ended_at_ms IS NULL ORDER BY exchange, egress;

-- users_by_status --
SELECT mode, status, count(*) AS users FROM users
 WHERE status <> 'REMOVED' GROUP BY mode, status ORDER BY mode, status;

-- users_not_trading --
SELECT user_id, status, status_reason FROM users
 WHERE status IN ('PAUSED', 'HALTED') ORDER BY status, user_id;

-- count_open_positions --
SELECT count(*) FROM positions WHERE status <> 'CLOSED';

-- count_active_signals --
SELECT count(*) FROM signals WHERE status = 'ACTIVE' AND expires_at_ms > :now_ms;

-- count_unresolved --
SELECT count(*) FROM signal_executions WHERE status IN ('pending', 'unknown');

-- state --
SELECT value FROM daemon_state WHERE key = ?;
