"""Candles on a grid that is not UTC's: built from smaller ones."""

from tests.venue.candles import Candle
from tests.venue.model import ZERO

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
#: Midnight in Singapore and Hong Kong, as an instant of a UTC day.
ASIAN_MIDNIGHT_MS = 16 * HOUR_MS


def opening(at_ms: int, length_ms: int, offset_ms: int) -> int:
    """Where the candle opens that an instant belongs to."""
    return (at_ms - offset_ms) // length_ms * length_ms + offset_ms


def regrouped(rows: list[Candle], timeframe: str, length_ms: int, offset_ms: int) -> list[Candle]:
    """Candles of ``length_ms`` that begin at ``offset_ms``; the rows must divide them."""
    groups: dict[int, list[Candle]] = {}
    for row in rows:
        groups.setdefault(opening(row.open_ms, length_ms, offset_ms), []).append(row)
    return [_joined(group, timeframe, at_ms, length_ms) for at_ms, group in groups.items()]


def _joined(rows: list[Candle], timeframe: str, at_ms: int, length_ms: int) -> Candle:
    last = rows[-1]
    return Candle(
        symbol=last.symbol, timeframe=timeframe, open_ms=at_ms, open=rows[0].open,
        high=max(row.high for row in rows), low=min(row.low for row in rows), close=last.close,
        volume=sum((row.volume for row in rows), ZERO),
        closed=last.closed and last.close_ms == at_ms + length_ms,
    )  # fmt: skip
