-- credentials --
SELECT c.user_id AS owner, c.exchange, c.field, c.key_id, c.wrapped_key, c.ciphertext,
       c.updated_at_ms,
       NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = c.user_id
                      AND u.removed_at_ms >= c.updated_at_ms) AS is_current
  FROM credentials c ORDER BY c.user_id, c.exchange, c.field;

-- secrets --
SELECT name AS owner, '' AS exchange, '' AS field, key_id, wrapped_key, ciphertext, updated_at_ms,
       1 AS is_current
FROM secrets WHERE :name IS NULL OR name = :name ORDER BY name;

-- put_credential --
INSERT INTO credentials (user_id, exchange, field, key_id, wrapped_key, ciphertext, updated_at_ms)
VALUES (:owner, :exchange, :field, :key_id, :wrapped_key, :ciphertext, :now_ms)
ON CONFLICT (user_id, exchange, field) DO UPDATE SET
  key_id = excluded.key_id, wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext,
  updated_at_ms = excluded.updated_at_ms;

-- put_secret --
INSERT INTO secrets (name, key_id, wrapped_key, ciphertext, updated_at_ms)
VALUES (:owner, :key_id, :wrapped_key, :ciphertext, :now_ms)
ON CONFLICT (name) DO UPDATE SET
  key_id = excluded.key_id, wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext,
  updated_at_ms = excluded.updated_at_ms;

-- adopt_credentials --
UPDATE credentials SET updated_at_ms = :now_ms WHERE user_id = :user_id;

-- delete_credentials --
DELETE FROM credentials WHERE user_id = :user_id AND (:exchange IS NULL OR exchange = :exchange);

-- delete_secret --
DELETE FROM secrets WHERE name = :name;
