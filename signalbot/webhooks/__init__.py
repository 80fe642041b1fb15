"""Parses webhook alerts of any common format into signals. No I/O."""
