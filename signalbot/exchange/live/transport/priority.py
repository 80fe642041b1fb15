"""Who goes first when an exchange's request limits are near."""

from enum import IntEnum


class RequestPriority(IntEnum):
    """Lower goes first. Later lanes may use only part of every limit: the rest is kept free."""

    PROTECT = 0  #: cancel, stop, close, and looking them up
    ENTRY = 1
    SETTLE = 2  #: look-ups of entries, fills
    POLL = 3  #: refreshing, candles, history
    RECOVER = 4  #: accounts that have not been compared since the start

    @property
    def share(self) -> float:
        """How much of a limit this lane may fill."""
        return (1.0, 0.9, 0.75, 0.6, 0.5)[self]
