"""Compares the ledger with each exchange account and resolves differences."""
