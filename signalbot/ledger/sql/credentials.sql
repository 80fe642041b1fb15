-- credentials --
SELECT user_id AS owner, exchange, field, key_id, wrapped_key, ciphertext, updated_at_ms
FROM credentials ORDER BY user_id, exchange, field;

-- secrets --
SELECT name AS owner, '' AS exchange, '' AS field, key_id, wrapped_key, ciphertext, updated_at_ms
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

-- delete_credentials --
DELETE FROM credentials WHERE user_id = :user_id AND (:exchange IS NULL OR exchange = :exchange);

-- delete_secret --
DELETE FROM secrets WHERE name = :name;
