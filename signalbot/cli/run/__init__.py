"""Commands that run the pipeline: the daemon, a replay, the demo."""
