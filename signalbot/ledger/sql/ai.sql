-- costs_since --
SELECT cost FROM ai_calls WHERE started_at_ms >= ?;

-- calls_since --
SELECT * FROM ai_calls WHERE started_at_ms >= ? ORDER BY started_at_ms, call_id;
