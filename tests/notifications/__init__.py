"""Notices, from the ledger to a receiver on this machine."""
