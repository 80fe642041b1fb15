"""Code that runs inside the worker process, around the strategy."""
