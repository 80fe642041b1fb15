"""Clients that mean harm, and what they cost those who trade: ``python -m tests.hostile``."""
