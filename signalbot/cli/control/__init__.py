"""Commands that control the running daemon."""
