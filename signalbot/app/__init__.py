"""Composition: builds the services of the daemon, starts and stops them."""
