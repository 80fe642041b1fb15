"""Real exchanges through ccxt: every order is sent once and read back, within rate limits."""
