"""Carries a signal from candle to protected position; the only package that awaits and decides."""
