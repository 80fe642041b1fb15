"""Scripts for public packages: they run in an environment of their own, without signalbot.

Each reads JSON from standard input and writes JSON to standard output.
"""
