"""Every event the daemon logs and what it tells: the vocabulary of whoever reads the log."""

EVENTS = {"execution.duplicate_blocked": ""}
