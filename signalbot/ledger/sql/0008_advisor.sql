-- Every call to an AI: what was asked (as a hash), what came back, what it cost.

CREATE TABLE ai_calls (
  call_id          TEXT PRIMARY KEY,
  kind             TEXT NOT NULL CHECK (kind IN ('decision', 'analysis')),
  signal_id        TEXT,
  strategy         TEXT NOT NULL,
  symbol           TEXT NOT NULL,
  provider         TEXT NOT NULL,
  model            TEXT NOT NULL,
  started_at_ms    INTEGER NOT NULL,
  latency_ms       INTEGER NOT NULL,
  outcome          TEXT NOT NULL CHECK (outcome IN ('answered', 'failed', 'not_asked')),
  answer           TEXT,
  error            TEXT,
  input_tokens     INTEGER NOT NULL,
  output_tokens    INTEGER NOT NULL,
  cost             TEXT NOT NULL,
  cost_is_estimate INTEGER NOT NULL CHECK (cost_is_estimate IN (0, 1)),
  prompt_hash      TEXT NOT NULL,
  answer_hash      TEXT
) STRICT;

CREATE INDEX ai_calls_by_time ON ai_calls (started_at_ms);
CREATE INDEX ai_calls_by_signal ON ai_calls (signal_id) WHERE signal_id IS NOT NULL;

-- What the price did after a signal that an AI had looked at, whoever traded it or not.
CREATE TABLE ai_outcomes (
  signal_id    TEXT PRIMARY KEY,
  ended        TEXT NOT NULL CHECK (ended IN ('stop', 'target', 'time', 'unknown')),
  move_percent TEXT,
  judged_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
