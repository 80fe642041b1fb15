-- costs_since --
SELECT cost FROM ai_calls WHERE started_at_ms >= ?;

-- calls_since --
SELECT * FROM ai_calls WHERE started_at_ms >= ? ORDER BY started_at_ms, call_id;

-- signals_without_outcome --
SELECT s.* FROM signals s
 WHERE s.signal_id IN (SELECT c.signal_id FROM ai_calls c INDEXED BY ai_calls_by_signal
                        WHERE c.signal_id IS NOT NULL AND c.outcome = 'answered'
                          AND NOT EXISTS (SELECT 1 FROM ai_outcomes o
                                           WHERE o.signal_id = c.signal_id))
   AND s.expires_at_ms < ?
 ORDER BY s.expires_at_ms LIMIT ?;

-- decisions_of_calls --
SELECT d.signal_id, d.outcome, d.code, json_extract(d.detail, '$.ai') AS ai,
       json_extract(d.detail, '$.ai_shared') AS is_shared
  FROM decisions d
 WHERE d.signal_id IN (SELECT signal_id FROM ai_calls
                        WHERE kind = 'decision' AND started_at_ms >= ?)
   AND json_extract(d.detail, '$.ai') IS NOT NULL;

-- outcomes_of_calls --
SELECT * FROM ai_outcomes
 WHERE signal_id IN (SELECT signal_id FROM ai_calls
                      WHERE kind = 'decision' AND started_at_ms >= ?);
