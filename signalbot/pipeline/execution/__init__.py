"""Turns a signal into one user's decision, claim and order."""
