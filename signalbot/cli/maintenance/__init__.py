"""Commands that maintain the ledger and the installation."""
