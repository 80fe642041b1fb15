"""Requests to an exchange: connection, rate limits, deadlines, error mapping."""
