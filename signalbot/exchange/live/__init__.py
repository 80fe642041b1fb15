"""Real exchanges through ccxt: sends once, looks before it believes, asks within its budget."""
