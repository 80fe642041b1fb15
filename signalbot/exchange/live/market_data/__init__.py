"""Candles and prices of a live exchange."""
