"""Commands that read the ledger, with or without a running daemon."""
