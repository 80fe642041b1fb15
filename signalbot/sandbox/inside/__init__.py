"""What runs inside the worker process, before and around its author's code."""
