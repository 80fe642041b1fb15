"""What may change while the daemon runs, and how it is done without losing anything."""
