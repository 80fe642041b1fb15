-- Who may do what: who has set a status, what the operator wrote, whose a name is.

ALTER TABLE users ADD COLUMN status_by TEXT NOT NULL DEFAULT 'operator'
  CHECK (status_by IN ('operator', 'user') OR status_by IN ('daemon', 'key'));
ALTER TABLE users ADD COLUMN removed_at_ms INTEGER;  -- of the last user that had the name before
ALTER TABLE subscriptions ADD COLUMN status_by TEXT NOT NULL DEFAULT 'operator'
  CHECK (status_by IN ('operator', 'user'));

UPDATE users SET status_by = 'daemon' WHERE status = 'HALTED';
UPDATE users SET status_by = 'key'
 WHERE status = 'HALTED' AND status_reason LIKE 'the exchange refuses the key:%';
UPDATE users SET status_by = 'user'
 WHERE status = 'PAUSED' AND status_reason IN (
   SELECT 'paused by ' || token_id FROM tokens WHERE scope = 'user' AND subject = users.user_id);
UPDATE users SET removed_at_ms = updated_at_ms WHERE status = 'REMOVED';

-- A user's own token may change a definition; what the operator wrote last stays its bound.
ALTER TABLE definitions ADD COLUMN operator_toml TEXT;
UPDATE definitions SET operator_toml = toml
 WHERE author NOT IN (SELECT token_id FROM tokens WHERE scope = 'user');

-- Answers that were given to requests with an idempotency key may hold tokens in the clear: of the
-- text nothing stays behind, not even in pages that are free.
PRAGMA secure_delete = ON;
DELETE FROM answers;
PRAGMA secure_delete = OFF;
