-- definitions --
SELECT key, toml, version, operator_toml FROM definitions ORDER BY key;

-- put_definition --
INSERT INTO definitions (key, toml, operator_toml, version, author, created_at_ms, updated_at_ms)
VALUES (:key, :toml, :operator_toml, :version, :author, :now_ms, :now_ms)
ON CONFLICT (key) DO UPDATE SET toml = excluded.toml, operator_toml = excluded.operator_toml,
  version = excluded.version, author = excluded.author, updated_at_ms = excluded.updated_at_ms;

-- delete_definition --
DELETE FROM definitions WHERE key = ?;

-- put_token --
INSERT INTO tokens (token_id, hash, scope, subject, label, created_at_ms, expires_at_ms)
VALUES (:token_id, :hash, :scope, :subject, :label, :created_at_ms, :expires_at_ms);

-- tokens --
SELECT * FROM tokens ORDER BY created_at_ms, token_id;

-- token --
SELECT * FROM tokens WHERE hash = ?;

-- removed_at --
SELECT removed_at_ms FROM users WHERE user_id = ?;

-- valid_tokens --
SELECT token_id FROM tokens
 WHERE token_id IN (SELECT value FROM json_each(:token_ids)) AND revoked_at_ms IS NULL
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms);

-- revoke_token --
UPDATE tokens SET revoked_at_ms = :now_ms WHERE token_id = :token_id AND revoked_at_ms IS NULL
RETURNING token_id;

-- claim_answer --
INSERT INTO answers (author, key, fingerprint, at_ms)
VALUES (:author, :key, :fingerprint, :now_ms);

-- count_answers --
SELECT count(*) AS n FROM answers WHERE author = ?;

-- answer --
SELECT fingerprint, status, body FROM answers WHERE author = ? AND key = ?;

-- put_answer --
UPDATE answers SET status = :status, body = :body WHERE author = :author AND key = :key;

-- forget_answer --
DELETE FROM answers WHERE author = ? AND key = ? AND status IS NULL;

-- forget_old_answers --
DELETE FROM answers WHERE at_ms < ?;

-- forget_unfinished_answers --
DELETE FROM answers WHERE status IS NULL;
