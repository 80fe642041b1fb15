"""Strategies of one's own: each file in a worker process that can reach nothing but its answer."""
