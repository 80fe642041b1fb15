"""Commands that look after the ledger and the installation."""
