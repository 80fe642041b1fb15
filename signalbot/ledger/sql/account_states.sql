-- balances --
SELECT user_id, equity, free, as_of_ms FROM account_balances WHERE exchange = ?;

-- settings --
SELECT user_id, symbol, leverage, margin_mode, checked_at_ms FROM account_settings
 WHERE exchange = ?;

-- put_balance --
INSERT INTO account_balances (exchange, user_id, equity, free, as_of_ms)
VALUES (:exchange, :user_id, :equity, :free, :as_of_ms)
ON CONFLICT (exchange, user_id) DO UPDATE SET
  equity = excluded.equity, free = excluded.free, as_of_ms = excluded.as_of_ms;

-- put_setting --
INSERT INTO account_settings (exchange, user_id, symbol, leverage, margin_mode, checked_at_ms)
VALUES (:exchange, :user_id, :symbol, :leverage, :margin_mode, :checked_at_ms)
ON CONFLICT (exchange, user_id, symbol) DO UPDATE SET
  leverage = excluded.leverage, margin_mode = excluded.margin_mode,
  checked_at_ms = excluded.checked_at_ms;

-- forget_settings --
DELETE FROM account_settings WHERE exchange = ? AND user_id = ?;

-- alive_at --
SELECT alive_at_ms FROM daemon_life;

-- put_alive --
INSERT INTO daemon_life (id, alive_at_ms) VALUES (1, ?)
ON CONFLICT (id) DO UPDATE SET alive_at_ms = excluded.alive_at_ms;
