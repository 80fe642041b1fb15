"""Exchanges: what only this floor knows of them, behind the ports of ``signalbot.ports``."""
