"""signalbot's numbers beside references that share no code with it."""
