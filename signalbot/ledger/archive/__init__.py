"""Old rows in monthly files beside the ledger: written, moved and read."""
