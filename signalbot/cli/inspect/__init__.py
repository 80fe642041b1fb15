"""Commands that read the ledger, whether or not a daemon is running."""
