"""Alerts from outside: whatever a sender writes becomes signals, or a reason why not. No I/O."""
