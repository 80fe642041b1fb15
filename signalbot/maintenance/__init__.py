"""Keeps the ledger: copies of it, room for it, and an orderly past."""
