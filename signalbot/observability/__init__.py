"""Observability: logging without secrets, health, scheduling, and the interface to systemd."""
