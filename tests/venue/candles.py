"""The exchange's candles: pushed by tests, or built from prices."""

import bisect
from dataclasses import dataclass
from decimal import Decimal

from tests.venue.model import ZERO

LENGTHS_MS = {
    "1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000,
    "1h": 3_600_000, "2h": 7_200_000, "4h": 14_400_000, "6h": 21_600_000, "12h": 43_200_000,
    "1d": 86_400_000,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    symbol: str
    timeframe: str
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    closed: bool

    @property
    def close_ms(self) -> int:
        """The first instant after it."""
        return self.open_ms + LENGTHS_MS[self.timeframe]


class Candles:
    """What REST answers: one row per symbol, timeframe and open, the newest word counts."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[int, Candle]] = {}
        self._opens: dict[tuple[str, str], list[int]] = {}

    def keep(self, candle: Candle) -> None:
        place = (candle.symbol, candle.timeframe)
        rows, opens = self._rows.setdefault(place, {}), self._opens.setdefault(place, [])
        if candle.open_ms not in rows:
            bisect.insort(opens, candle.open_ms)
        rows[candle.open_ms] = candle

    def rows(
        self, symbol: str, timeframe: str, *, since_ms: int | None = None,
        until_ms: int | None = None, limit: int = 500,
    ) -> list[Candle]:  # fmt: skip
        """Candles by open, ascending: the first ``limit`` from ``since_ms``, else the last ones.

        ``until_ms`` is the last open that may be in the answer.
        """
        opens = self._opens.get((symbol, timeframe), [])
        start = 0 if since_ms is None else bisect.bisect_left(opens, since_ms)
        end = len(opens) if until_ms is None else bisect.bisect_right(opens, until_ms)
        chosen = opens[start:end]
        chosen = chosen[-limit:] if since_ms is None else chosen[:limit]
        rows = self._rows.get((symbol, timeframe), {})
        return [rows[open_ms] for open_ms in chosen]

    def last(self, symbol: str, timeframe: str) -> Candle | None:
        found = self.rows(symbol, timeframe, limit=1)
        return found[0] if found else None

    def moved(self, symbol: str, timeframe: str, price: Decimal, *, at_ms: int) -> list[Candle]:
        """What a price makes of the candles: the forming one, before it the one that closed."""
        length = LENGTHS_MS[timeframe]
        open_ms = at_ms - at_ms % length
        last = self.last(symbol, timeframe)
        told: list[Candle] = []
        if last is not None and last.open_ms < open_ms and not last.closed:
            told.append(_with(last, last.close, closed=True))
        if last is None or last.open_ms < open_ms:
            told.append(_flat(symbol, timeframe, open_ms, price))
        elif last.open_ms == open_ms and not last.closed:
            told.append(_with(last, price, closed=False))
        for candle in told:
            self.keep(candle)
        return told


def _flat(symbol: str, timeframe: str, open_ms: int, price: Decimal) -> Candle:
    return Candle(
        symbol=symbol, timeframe=timeframe, open_ms=open_ms, open=price, high=price, low=price,
        close=price, volume=ZERO, closed=False,
    )  # fmt: skip


def _with(candle: Candle, price: Decimal, *, closed: bool) -> Candle:
    return Candle(
        symbol=candle.symbol, timeframe=candle.timeframe, open_ms=candle.open_ms,
        open=candle.open, high=max(candle.high, price), low=min(candle.low, price), close=price,
        volume=candle.volume + 1, closed=closed,
    )  # fmt: skip
