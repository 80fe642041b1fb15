"""Notifications: from the journal, through an outbox, to every destination."""
