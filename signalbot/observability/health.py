"""Whether the daemon is alive in all its parts: the judgement that feeds the watchdog.

What an exchange does not tell is no ground to restart; that nobody asks it any more is.
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

    last_checked_s: float  #: since its source was last heard or asked, whatever it said
    timeframe_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSnapshot:
    """Signs of life; every value is seconds."""

    lag_s: float  #: the event loop was late by, at worst, lately
    commit_wait_s: float  #: the oldest write that is not committed yet has waited
    reconcile_age_s: (
        float  #: since an account was last compared with its exchange, or a round began
    )
    streams: Mapping[str, StreamHealth]  #: by name


def failures(snapshot: HealthSnapshot, *, speed: float = 1.0) -> Iterator[str]:
    """What has stopped, one sentence each; nothing when all is well.

    ``speed`` is how many of these seconds pass in a real one.
    """
    if snapshot.lag_s > MAX_LAG_S * speed:
        yield f"the event loop is {snapshot.lag_s:.1f} s late"
    if snapshot.commit_wait_s > MAX_COMMIT_WAIT_S * speed:
        yield f"the ledger has not committed for {snapshot.commit_wait_s:.0f} s"
    if snapshot.reconcile_age_s > MAX_RECONCILE_AGE_S * speed:
        yield f"no account has been compared with its exchange for {snapshot.reconcile_age_s:.0f} s"
    for name, stream in snapshot.streams.items():
        if stream.last_checked_s > stream.timeframe_s + CANDLE_GRACE_S * speed:
            yield f"nobody has looked for candles of {name} for {stream.last_checked_s:.0f} s"
