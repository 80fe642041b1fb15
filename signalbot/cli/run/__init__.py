"""Commands that let signals happen: the daemon, a replay, the demo."""
