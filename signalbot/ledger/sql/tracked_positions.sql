-- tracked_position --
SELECT * FROM alignments WHERE strategy = ? AND symbol = ?;

-- put_tracked_position --
INSERT INTO alignments
  (strategy, symbol, position, key, heard_at_ms, sent_at_ms, gap_known, gap_told)
VALUES
  (:strategy, :symbol, :position, :key, :heard_at_ms, :sent_at_ms, :gap_known, :gap_told)
ON CONFLICT (strategy, symbol) DO UPDATE SET position = excluded.position, key = excluded.key,
  heard_at_ms = excluded.heard_at_ms, sent_at_ms = excluded.sent_at_ms,
  gap_known = excluded.gap_known, gap_told = excluded.gap_told;
