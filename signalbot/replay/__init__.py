"""The daemon's own pipeline over historical candles: what to replay, and what came of it.

Candles come from a CSV file (``csv``); what happened is read back from the ledger of the replay,
measured (``equity``, ``metrics``) and reported as tables, JSON (``summary``) or a page (``html``).
"""
