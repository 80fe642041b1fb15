"""Maintenance of the ledger: backups, disk space, archives, restore."""
