"""Commands that act on the running daemon."""
