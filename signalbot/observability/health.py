"""Decides whether every part of the daemon makes progress; the watchdog acts on it.

An exchange that does not respond is no reason to restart; a poller that stopped polling is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MAX_LAG_S: Final = 5.0
MAX_COMMIT_WAIT_S: Final = 15.0
MAX_RECONCILE_AGE_S: Final = 300.0
CANDLE_GRACE_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth:
    """One stream of candles."""

    last_checked_s: float  #: since its source last delivered or was polled
    timeframe_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSnapshot:
    """Progress of the daemon's parts, in seconds."""

    lag_s: float  #: worst recent delay of the event loop
    commit_wait_s: float  #: waiting time of the oldest uncommitted write
    reconcile_age_s: float  #: since the last reconciliation of an account, or the start of a round
    streams: Mapping[str, StreamHealth]  #: by name


def failures(snapshot: HealthSnapshot, *, speed: float = 1.0) -> Iterator[str]:
    """One sentence for each part that has stopped.

    ``speed`` is the number of these seconds per real second.
    """
    if snapshot.lag_s > MAX_LAG_S * speed:
        yield f"the event loop is {snapshot.lag_s:.1f} s late"
    if snapshot.commit_wait_s > MAX_COMMIT_WAIT_S * speed:
        yield f"the ledger has not committed for {snapshot.commit_wait_s:.0f} s"
    if snapshot.reconcile_age_s > MAX_RECONCILE_AGE_S * speed:
        yield f"no account has been reconciled for {snapshot.reconcile_age_s:.0f} s"
    for name, stream in snapshot.streams.items():
        if stream.last_checked_s > stream.timeframe_s + CANDLE_GRACE_S * speed:
            yield f"candles of {name} have not been polled for {stream.last_checked_s:.0f} s"
