-- silent --
SELECT strategy FROM silences WHERE ended_at_ms IS NULL ORDER BY strategy;

-- begin_silence --
INSERT INTO silences (strategy, heard_at_ms, noticed_at_ms) VALUES (:strategy, :heard_at_ms, :now_ms)
ON CONFLICT (strategy) DO UPDATE SET heard_at_ms = excluded.heard_at_ms,
  noticed_at_ms = excluded.noticed_at_ms, ended_at_ms = NULL
WHERE ended_at_ms IS NOT NULL;

-- end_silence --
UPDATE silences SET heard_at_ms = :heard_at_ms, ended_at_ms = :now_ms
 WHERE strategy = :strategy AND ended_at_ms IS NULL;
