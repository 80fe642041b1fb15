-- Journal and log name one fact alike (signalbot.domain.events): old rows are renamed, and the
-- triggers that wrote the old names are replaced.

UPDATE events SET kind = CASE kind
    WHEN 'decision.execute'    THEN 'decision.accepted'
    WHEN 'decision.skip'       THEN 'decision.skipped'
    WHEN 'exchange.back'       THEN 'exchange.reconnected'
    WHEN 'exchange.lost'       THEN 'exchange.disconnected'
    WHEN 'execution.partial'   THEN 'execution.partially_filled'
    WHEN 'execution.pending'   THEN 'execution.claimed'
    WHEN 'execution.unknown'   THEN 'execution.outcome_unknown'
    WHEN 'funding.paid'        THEN 'funding.booked'
    WHEN 'position.mismatch'   THEN 'position.mismatch_found'
    WHEN 'source.heard'        THEN 'source.recovered'
    WHEN 'source.silent'       THEN 'source.heartbeat_missed'
    WHEN 'subscription.active' THEN 'subscription.resumed'
    WHEN 'user.active'         THEN 'user.resumed' END
 WHERE kind IN ('decision.execute', 'decision.skip', 'exchange.back', 'exchange.lost',
                'execution.partial', 'execution.pending', 'execution.unknown', 'funding.paid',
                'position.mismatch', 'source.heard', 'source.silent', 'subscription.active',
                'user.active');

DROP TRIGGER decision_made;
CREATE TRIGGER decision_made AFTER INSERT ON decisions BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, detail)
  SELECT new.decided_at_ms,
         CASE new.outcome WHEN 'EXECUTE' THEN 'decision.accepted' ELSE 'decision.skipped' END,
         new.user_id, s.strategy, s.symbol,
         new.signal_id, json_object('code', new.code, 'action', s.action,
                                    'numbers', json(new.detail))
    FROM signals s WHERE s.signal_id = new.signal_id;
END;

DROP TRIGGER execution_claimed;
CREATE TRIGGER execution_claimed AFTER INSERT ON signal_executions BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  SELECT new.claimed_at_ms,
         CASE new.status WHEN 'pending' THEN 'execution.claimed'
                         WHEN 'partial' THEN 'execution.partially_filled'
                         WHEN 'unknown' THEN 'execution.outcome_unknown'
                         ELSE 'execution.' || new.status END,
         new.user_id, s.strategy, s.symbol, new.signal_id, new.position_id,
         json_object('mode', new.mode, 'action', s.action, 'quantity', new.quantity,
                     'leverage', new.leverage)
    FROM signals s WHERE s.signal_id = new.signal_id;
END;

DROP TRIGGER execution_changed;
CREATE TRIGGER execution_changed AFTER UPDATE OF status ON signal_executions
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  SELECT CASE new.status WHEN 'failed' THEN coalesce(new.failed_at_ms, new.claimed_at_ms)
                         ELSE coalesce(new.executed_at_ms, new.claimed_at_ms) END,
         CASE new.status WHEN 'pending' THEN 'execution.claimed'
                         WHEN 'partial' THEN 'execution.partially_filled'
                         WHEN 'unknown' THEN 'execution.outcome_unknown'
                         ELSE 'execution.' || new.status END,
         new.user_id, s.strategy, s.symbol, new.signal_id, new.position_id,
         json_object('mode', new.mode, 'action', s.action, 'quantity', new.quantity,
                     'leverage', new.leverage, 'price', new.actual_entry_price,
                     'slippage_bps', new.slippage_bps, 'latency_ms', new.latency_ms,
                     'failure_reason', new.failure_reason, 'error_details', new.error_details)
    FROM signals s WHERE s.signal_id = new.signal_id;
END;

DROP TRIGGER user_changed;
CREATE TRIGGER user_changed AFTER UPDATE OF status ON users
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, user_id, detail)
  VALUES (new.updated_at_ms,
          CASE new.status WHEN 'ACTIVE' THEN 'user.resumed'
                          ELSE 'user.' || lower(new.status) END,
          new.user_id, json_object('reason', new.status_reason, 'by', new.status_by));
END;

DROP TRIGGER subscription_changed;
CREATE TRIGGER subscription_changed AFTER UPDATE OF status ON subscriptions
WHEN new.status <> old.status BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, detail)
  VALUES (new.updated_at_ms,
          CASE new.status WHEN 'ACTIVE' THEN 'subscription.resumed'
                          ELSE 'subscription.' || lower(new.status) END,
          new.user_id, new.strategy, json_object('subscription_id', new.subscription_id));
END;

DROP TRIGGER source_silent_first;
CREATE TRIGGER source_heartbeat_missed_first AFTER INSERT ON silences BEGIN
  INSERT INTO events (at_ms, kind, strategy, detail)
  VALUES (new.noticed_at_ms, 'source.heartbeat_missed', new.strategy,
          json_object('heard_at_ms', new.heard_at_ms));
END;

DROP TRIGGER source_silent_again;
CREATE TRIGGER source_heartbeat_missed_again AFTER UPDATE ON silences
WHEN new.ended_at_ms IS NULL AND old.ended_at_ms IS NOT NULL BEGIN
  INSERT INTO events (at_ms, kind, strategy, detail)
  VALUES (new.noticed_at_ms, 'source.heartbeat_missed', new.strategy,
          json_object('heard_at_ms', new.heard_at_ms));
END;

DROP TRIGGER source_heard;
CREATE TRIGGER source_recovered AFTER UPDATE ON silences
WHEN new.ended_at_ms IS NOT NULL AND old.ended_at_ms IS NULL BEGIN
  INSERT INTO events (at_ms, kind, strategy, detail)
  VALUES (new.ended_at_ms, 'source.recovered', new.strategy,
          json_object('heard_at_ms', new.heard_at_ms));
END;

DROP TRIGGER exchange_lost_first;
CREATE TRIGGER exchange_disconnected_first AFTER INSERT ON absences BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.since_ms, 'exchange.disconnected',
          json_object('exchange', new.exchange, 'egress', new.egress, 'since_ms', new.since_ms));
END;

DROP TRIGGER exchange_lost_again;
CREATE TRIGGER exchange_disconnected_again AFTER UPDATE ON absences
WHEN new.ended_at_ms IS NULL AND old.ended_at_ms IS NOT NULL BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.since_ms, 'exchange.disconnected',
          json_object('exchange', new.exchange, 'egress', new.egress, 'since_ms', new.since_ms));
END;

DROP TRIGGER exchange_back;
CREATE TRIGGER exchange_reconnected AFTER UPDATE ON absences
WHEN new.ended_at_ms IS NOT NULL AND old.ended_at_ms IS NULL BEGIN
  INSERT INTO events (at_ms, kind, detail)
  VALUES (new.ended_at_ms, 'exchange.reconnected',
          json_object('exchange', new.exchange, 'egress', new.egress, 'since_ms', new.since_ms));
END;

DROP TRIGGER funding_paid;
CREATE TRIGGER funding_booked AFTER INSERT ON funding_payments BEGIN
  INSERT INTO events (at_ms, kind, user_id, strategy, symbol, signal_id, position_id, detail)
  SELECT new.paid_at_ms, 'funding.booked', p.user_id, p.strategy, p.symbol, p.signal_id,
         p.position_id, json_object('amount', new.amount)
    FROM positions p WHERE p.position_id = new.position_id;
END;

DROP TRIGGER position_mismatch;
CREATE TRIGGER position_mismatch_found AFTER INSERT ON position_mismatches BEGIN
  INSERT INTO events (at_ms, kind, user_id, symbol, detail)
  VALUES (new.since_ms, 'position.mismatch_found', new.user_id, new.symbol,
          json_object('exchange', new.exchange, 'ledger', new.ledger, 'held', new.held));
END;

DROP TRIGGER position_mismatch_changed;
CREATE TRIGGER position_mismatch_changed AFTER UPDATE ON position_mismatches
WHEN new.ledger <> old.ledger OR new.held <> old.held BEGIN
  INSERT INTO events (at_ms, kind, user_id, symbol, detail)
  VALUES (new.since_ms, 'position.mismatch_found', new.user_id, new.symbol,
          json_object('exchange', new.exchange, 'ledger', new.ledger, 'held', new.held));
END;
