"""A derivatives exchange in memory: paper users, the demo and replays trade on it."""
