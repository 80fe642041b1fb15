"""Tells people what has happened: from the journal, through an outbox, to every destination."""
