-- away --
SELECT exchange, egress, since_ms FROM absences
 WHERE ended_at_ms IS NULL ORDER BY exchange, egress;

-- begin_absence --
INSERT INTO absences (exchange, egress, since_ms) VALUES (:exchange, :egress, :since_ms)
ON CONFLICT (exchange, egress) DO UPDATE SET since_ms = excluded.since_ms, ended_at_ms = NULL
WHERE ended_at_ms IS NOT NULL;

-- end_absence --
UPDATE absences SET ended_at_ms = :now_ms
 WHERE exchange = :exchange AND egress = :egress AND ended_at_ms IS NULL;
