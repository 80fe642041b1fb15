"""signalbot: one trading signal becomes every user's own trade, exactly once each."""

__version__ = "0.2.0"
