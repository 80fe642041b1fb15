"""Replays: the daemon's pipeline over historical candles or stored signals.

Candles come from files (``candle_files``) or an exchange (``download``). Results are read from the
replay's ledger, measured (``equity``, ``metrics``) and reported as tables and JSON (``summary``) or
a web page (``html``).
"""
