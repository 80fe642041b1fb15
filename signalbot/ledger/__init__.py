"""The ledger: one SQLite file, one writer, and the unique index that makes executions unique."""
