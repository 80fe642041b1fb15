-- events_after --
-- What has happened since, each with the instants of the signal, execution and position it belongs to.
SELECT e.event_id, e.at_ms, e.kind, e.strategy, e.symbol, e.detail,
       s.created_at_ms, s.candle_close_ms, x.mode, x.claimed_at_ms, x.executed_at_ms,
       w.unprotected_ms
  FROM events e LEFT JOIN signals s ON s.signal_id = e.signal_id
       LEFT JOIN signal_executions x ON x.signal_id = e.signal_id AND x.user_id = e.user_id
       LEFT JOIN protection w ON w.position_id = e.position_id
 WHERE e.event_id > ? ORDER BY e.event_id LIMIT ?;

-- unprotected --
SELECT w.unprotected_since_ms FROM positions p INDEXED BY positions_one_open
  JOIN protection w ON w.position_id = p.position_id
 WHERE p.status <> 'CLOSED' AND w.unprotected_since_ms IS NOT NULL;
