"""The words of the trade: standard library only, no await, no clock, no I/O."""
