-- open_cursor --
INSERT INTO notice_cursor (one, event_id, summed_up_ms)
VALUES (1, (SELECT coalesce(max(event_id), 0) FROM events), :summed_up_ms)
ON CONFLICT DO NOTHING;

-- cursor --
SELECT event_id, summed_up_ms FROM notice_cursor;

-- close_cursor --
DELETE FROM notice_cursor;

-- move_cursor --
UPDATE notice_cursor SET event_id = :upto WHERE event_id = :after RETURNING one;

-- move_summary --
UPDATE notice_cursor SET summed_up_ms = :until_ms WHERE summed_up_ms = :since_ms RETURNING one;

-- put_notice --
INSERT INTO notices (event_id, recipient, place, kind, is_silent, title, body, created_at_ms,
                     status, attempts, topic, not_before_ms)
SELECT :event_id, :recipient, :place, :kind, :is_silent, :title, :body, :now_ms, 'waiting', 0,
       :topic,
       iif(:pause_ms = 0, 0, (SELECT coalesce(max(n.created_at_ms + :pause_ms), 0) FROM notices n
                               WHERE n.recipient = :recipient AND n.place = :place
                                 AND n.topic = :topic));

-- merge_notice --
-- A newer one of its topic takes the place of one that still waits for its time.
UPDATE notices SET event_id = :event_id, kind = :kind, is_silent = :is_silent, title = :title,
       body = :body, merged = merged + 1
 WHERE status = 'waiting' AND recipient = :recipient AND place = :place AND topic = :topic
   AND not_before_ms > :now_ms AND :pause_ms > 0
RETURNING notice_id;

-- drop_waiting --
DELETE FROM notices
 WHERE status = 'waiting' AND recipient = :recipient AND place = :place AND topic = :topic
   AND not_before_ms > :now_ms AND :pause_ms = 0;

-- waiting --
SELECT notice_id, kind, is_silent, title, body, merged FROM notices
 WHERE status = 'waiting' AND recipient = :recipient AND place = :place
   AND not_before_ms <= :now_ms
 ORDER BY notice_id LIMIT :limit;

-- depth --
SELECT count(*) AS notices FROM notices WHERE status = 'waiting';

-- addresses_waiting --
SELECT DISTINCT recipient, place FROM notices WHERE status = 'waiting';

-- delivered --
UPDATE notices SET status = 'delivered', attempts = attempts + 1, finished_at_ms = :now_ms
 WHERE notice_id = :notice_id AND status = 'waiting';

-- failed --
UPDATE notices SET attempts = attempts + 1,
       status = CASE WHEN attempts + 1 >= :most THEN 'parked' ELSE 'waiting' END,
       finished_at_ms = CASE WHEN attempts + 1 >= :most THEN :now_ms END
 WHERE notice_id = :notice_id AND status = 'waiting'
RETURNING status = 'parked' AS is_parked;

-- abandon_address --
UPDATE notices SET status = 'parked', finished_at_ms = :now_ms
 WHERE status = 'waiting' AND recipient = :recipient AND place = :place;

-- forget_finished --
DELETE FROM notices WHERE status <> 'waiting' AND finished_at_ms < ?;
