-- Notices of what a user does again and again wait for one another and become one; the journal tells
-- who has set a status.

ALTER TABLE notices ADD COLUMN topic TEXT;
ALTER TABLE notices ADD COLUMN not_before_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notices ADD COLUMN merged INTEGER NOT NULL DEFAULT 0;
CREATE INDEX notices_by_topic ON notices (recipient, place, topic) WHERE topic IS NOT NULL;

DROP TRIGGER user_changed;
CREATE TRIGGER user_changed AFTER UPDATE OF status ON users
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, user_id, detail)
  VALUES (new.updated_at_ms, 'user.' || lower(new.status), new.user_id,
          json_object('reason', new.status_reason, 'by', new.status_by));
END;
