"""Commands that store secrets in the vault, with or without a running daemon."""
