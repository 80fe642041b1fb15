"""Secrets at rest: credentials of accounts and any other secret text, locked by one master key."""
