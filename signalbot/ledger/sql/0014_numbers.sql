-- What an isolated position at a simulated exchange has paid out of its margin for funding.
ALTER TABLE simulated_positions ADD COLUMN margin_paid TEXT NOT NULL DEFAULT '0';

-- The maintenance margins an exchange has told, so that the first entry after a start knows them.
CREATE TABLE margin_brackets (
  exchange   TEXT NOT NULL,
  symbol     TEXT NOT NULL,
  unit       TEXT NOT NULL CHECK (unit IN ('notional', 'quantity')),
  brackets   TEXT NOT NULL, -- JSON: least, rate, deduction, leverage; smallest first
  told_at_ms INTEGER NOT NULL,
  PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;
