"""Runs users' strategy files, each in a sandboxed worker process without files or network."""
