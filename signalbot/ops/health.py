"""Whether the daemon is alive in all its parts: the judgement that feeds the watchdog.

What an exchange does not tell is no ground to restart; that nobody asks it any more is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MOST_LAG_S: Final = 5.0
MOST_COMMIT_S: Final = 15.0
MOST_RECONCILED_S: Final = 300.0
CANDLE_GRACE_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One stream of candles."""

    looked_s: float  #: since its source was last heard or asked, whatever it said
    timeframe_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Signs of life; every value is seconds."""

    lag_s: float  #: the event loop was late by, at worst, lately
    commit_waits_s: float  #: the oldest write that is not committed yet has waited
    reconciled_s: float  #: since an account was last compared with its exchange, or a round began
    streams: Mapping[str, Watched]  #: by name


def troubles(signs: Signs, *, speed: float = 1.0) -> Iterator[str]:
    """What has stopped, one sentence each; nothing when all is well.

    ``speed`` is how many of these seconds pass in a real one.
    """
    if signs.lag_s > MOST_LAG_S * speed:
        yield f"the event loop is {signs.lag_s:.1f} s late"
    if signs.commit_waits_s > MOST_COMMIT_S * speed:
        yield f"the ledger has not committed for {signs.commit_waits_s:.0f} s"
    if signs.reconciled_s > MOST_RECONCILED_S * speed:
        yield f"no account has been compared with its exchange for {signs.reconciled_s:.0f} s"
    for name, stream in signs.streams.items():
        if stream.looked_s > stream.timeframe_s + CANDLE_GRACE_S * speed:
            yield f"nobody has looked for candles of {name} for {stream.looked_s:.0f} s"
