"""A loopback server for models."""
