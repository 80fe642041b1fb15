"""Orders of live accounts: index, status, streams, parsing."""
