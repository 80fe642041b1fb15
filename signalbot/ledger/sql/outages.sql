-- exchange_outages --
SELECT exchange, egress, since_ms FROM absences
 WHERE ended_at_ms IS NULL ORDER BY exchange, egress;

-- begin_exchange_outage --
INSERT INTO absences (exchange, egress, since_ms) VALUES (:exchange, :egress, :since_ms)
ON CONFLICT (exchange, egress) DO UPDATE SET since_ms = excluded.since_ms, ended_at_ms = NULL
WHERE ended_at_ms IS NOT NULL;

-- end_exchange_outage --
UPDATE absences SET ended_at_ms = :now_ms
 WHERE exchange = :exchange AND egress = :egress AND ended_at_ms IS NULL;

-- source_outages --
SELECT strategy FROM silences WHERE ended_at_ms IS NULL ORDER BY strategy;

-- begin_source_outage --
INSERT INTO silences (strategy, heard_at_ms, noticed_at_ms) VALUES (:strategy, :heard_at_ms, :now_ms)
ON CONFLICT (strategy) DO UPDATE SET heard_at_ms = excluded.heard_at_ms,
  noticed_at_ms = excluded.noticed_at_ms, ended_at_ms = NULL
WHERE ended_at_ms IS NOT NULL;

-- end_source_outage --
UPDATE silences SET heard_at_ms = :heard_at_ms, ended_at_ms = :now_ms
 WHERE strategy = :strategy AND ended_at_ms IS NULL;
