"""From a signal to one user's order."""
