"""Candle files, read."""
