-- Answers that were given to requests with an idempotency key may hold tokens in the clear: of the
-- text nothing stays behind, not even in pages that are free.
PRAGMA secure_delete = ON;
DELETE FROM answers;
PRAGMA secure_delete = OFF;
