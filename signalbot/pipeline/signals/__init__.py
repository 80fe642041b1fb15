"""Signals from the closed candle to every subscriber's inbox."""
