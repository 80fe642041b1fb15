-- user --
SELECT * FROM users WHERE user_id = ?;

-- users --
SELECT * FROM users ORDER BY user_id;

-- subscriptions --
SELECT * FROM subscriptions ORDER BY user_id, strategy;

-- put_user --
-- A status set by hand or by a halt outlives the restart; what was removed and came back is active.
INSERT INTO users (user_id, mode, exchange, leverage, margin_mode, paper_balance, status,
                   status_reason, origin, updated_at_ms)
VALUES (:user_id, :mode, :exchange, :leverage, :margin_mode, :paper_balance, 'ACTIVE', '',
        :origin, :now_ms)
ON CONFLICT (user_id) DO UPDATE SET
  mode = excluded.mode, exchange = excluded.exchange, leverage = excluded.leverage,
  margin_mode = excluded.margin_mode, paper_balance = excluded.paper_balance,
  status = CASE status WHEN 'REMOVED' THEN 'ACTIVE' ELSE status END,
  status_reason = CASE status WHEN 'REMOVED' THEN '' ELSE status_reason END,
  status_by = CASE status WHEN 'REMOVED' THEN 'operator' ELSE status_by END,
  origin = excluded.origin, updated_at_ms = excluded.updated_at_ms
WHERE (mode, exchange, leverage, margin_mode, paper_balance, origin)
   IS NOT (excluded.mode, excluded.exchange, excluded.leverage, excluded.margin_mode,
           excluded.paper_balance, excluded.origin)
   OR status = 'REMOVED';

-- put_strategy --
INSERT INTO strategies (name, kind, exchange, symbols, timeframe, signal_ttl_ms, params, status,
                        origin, owner, version, updated_at_ms)
VALUES (:name, :kind, :exchange, :symbols, :timeframe, :signal_ttl_ms, :params, 'ACTIVE',
        :origin, :owner, :version, :now_ms)
ON CONFLICT (name) DO UPDATE SET
  kind = excluded.kind, exchange = excluded.exchange, symbols = excluded.symbols,
  timeframe = excluded.timeframe, signal_ttl_ms = excluded.signal_ttl_ms,
  params = excluded.params, status = 'ACTIVE', origin = excluded.origin,
  owner = excluded.owner, version = excluded.version, updated_at_ms = excluded.updated_at_ms;

-- put_subscription --
INSERT INTO subscriptions (subscription_id, user_id, strategy, status, origin, updated_at_ms)
VALUES (:subscription_id, :user_id, :strategy, 'ACTIVE', :origin, :now_ms)
ON CONFLICT (user_id, strategy) DO UPDATE SET
  status = CASE status WHEN 'CANCELLED' THEN 'ACTIVE' ELSE status END,
  status_by = CASE status WHEN 'CANCELLED' THEN 'operator' ELSE status_by END,
  origin = excluded.origin, updated_at_ms = excluded.updated_at_ms
WHERE status = 'CANCELLED' OR origin <> excluded.origin;

-- set_user_status --
UPDATE users SET status = :status, status_reason = :reason, status_by = :by,
       updated_at_ms = :now_ms
 WHERE user_id = :user_id;

-- set_subscription_status --
UPDATE subscriptions SET status = :status, status_by = :by, updated_at_ms = :now_ms
 WHERE user_id = :user_id AND strategy = :strategy;

-- end_tokens --
UPDATE tokens SET revoked_at_ms = :now_ms
 WHERE revoked_at_ms IS NULL
   AND (scope = 'user' AND subject NOT IN (SELECT value FROM json_each(:users))
        OR scope = 'source' AND subject NOT IN (SELECT value FROM json_each(:strategies)));

-- end_users --
UPDATE users SET removed_at_ms = :now_ms
 WHERE status <> 'REMOVED' AND user_id NOT IN (SELECT value FROM json_each(:users));

-- end_tracked_positions --
DELETE FROM alignments WHERE strategy IN (
  SELECT name FROM strategies
   WHERE status <> 'REMOVED' AND name NOT IN (SELECT value FROM json_each(:strategies)));

-- end_source_outages --
DELETE FROM silences WHERE strategy IN (
  SELECT name FROM strategies
   WHERE status <> 'REMOVED' AND name NOT IN (SELECT value FROM json_each(:strategies)));

-- orphaned_positions --
SELECT u.user_id, count(*) AS n
  FROM users u JOIN positions p INDEXED BY positions_one_open
    ON p.status <> 'CLOSED' AND p.user_id = u.user_id
 WHERE u.status = 'REMOVED' GROUP BY u.user_id;

-- set_state --
INSERT INTO daemon_state (key, value, updated_at_ms) VALUES (:key, :value, :now_ms)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at_ms = excluded.updated_at_ms;

-- state --
SELECT value FROM daemon_state WHERE key = ?;
