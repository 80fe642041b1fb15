"""A price path as an exchange shows it: on the tick, every five seconds, and as candles.

Always computed in whole UTC days, so history and stream are the same numbers, and kept for the
days used last, so that the next price is read from an array.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.exchange.simulated.price_path import PricePath
from signalbot.settings.simulation import SimulationRules, symbol_rules

SAMPLE_MS: Final = 5_000
_MINUTE_MS: Final = Timeframe.M1.ms
_SAMPLES: Final = _MINUTE_MS // SAMPLE_MS  # per minute; its close is the first of the next
_MAX_CACHED_DAYS: Final = 3
_TURNOVER: Final = 500_000.0  # quote units in a calm minute

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _DayPrices:
    prices: Counts  #: in ticks, every five seconds, midnight to midnight included
    volumes: Counts  #: in lots, per minute


class SimulatedPriceFeed:
    """One symbol's prices and candles, for any time."""

    def __init__(self, symbol: str, rules: SimulationRules) -> None:
        market = symbol_rules(rules, symbol)
        self._symbol = symbol
        self._tick = market.tick
        self._lot = market.lot
        self._path = PricePath(
            seed=rules.seed,
            symbol=symbol,
            price=market.price,
            annual_volatility_percent=market.annual_volatility_percent,
        )
        self._day = lru_cache(_MAX_CACHED_DAYS)(self._compute_day)

    def price(self, at_ms: Ms) -> Decimal:
        """The price at the last sample not after ``at_ms``."""
        day, within_ms = divmod(at_ms, DAY_MS)
        return int(self._day(day).prices[within_ms // SAMPLE_MS]) * self._tick

    def candles(self, timeframe: Timeframe, first_open_ms: Ms, count: int) -> list[Candle]:
        """``count`` candles in a row; the larger ones are exact sums of the ``1m`` ones.

        ``first_open_ms`` lies on a boundary of ``timeframe``.
        """
        end_ms = first_open_ms + count * timeframe.ms
        candles: list[Candle] = []
        open_ms = first_open_ms
        while open_ms < end_ms:
            until_ms = min(end_ms, open_ms - open_ms % DAY_MS + DAY_MS)
            candles += self._within_day(timeframe, open_ms, until_ms)
            open_ms = Ms(until_ms)
        return candles

    def _within_day(self, timeframe: Timeframe, open_ms: Ms, until_ms: int) -> list[Candle]:
        day = self._day(open_ms // DAY_MS)
        minutes = timeframe.ms // _MINUTE_MS
        first = open_ms % DAY_MS // _MINUTE_MS
        last = first + (until_ms - open_ms) // _MINUTE_MS
        prices = day.prices[first * _SAMPLES : last * _SAMPLES + 1]
        inside = prices[:-1].reshape(-1, minutes * _SAMPLES)
        closes = prices[minutes * _SAMPLES :: minutes * _SAMPLES]
        columns = zip(
            inside[:, 0].tolist(),
            np.maximum(inside.max(axis=1), closes).tolist(),
            np.minimum(inside.min(axis=1), closes).tolist(),
            closes.tolist(),
            day.volumes[first:last].reshape(-1, minutes).sum(axis=1).tolist(),
            strict=True,
        )
        return [
            Candle(
                symbol=self._symbol,
                timeframe=timeframe,
                open_ms=Ms(open_ms + index * timeframe.ms),
                open=opened * self._tick,
                high=high * self._tick,
                low=low * self._tick,
                close=close * self._tick,
                volume=volume * self._lot,
            )
            for index, (opened, high, low, close, volume) in enumerate(columns)
        ]

    def _compute_day(self, day: int) -> _DayPrices:
        midnight_s = day * (DAY_MS // 1000)
        offsets_s = np.arange(0, DAY_MS + SAMPLE_MS, SAMPLE_MS, dtype=np.int64) // 1000
        tick = float(self._tick)
        ticks = np.maximum(np.rint(self._path.at(midnight_s + offsets_s) / tick), 1)
        return _DayPrices(ticks.astype(np.int64), self._volumes(midnight_s, ticks * tick))

    def _volumes(self, midnight_s: int, prices: NDArray[np.float64]) -> Counts:
        """Lots per minute: more when the price moved more, never none."""
        closes = prices[::_SAMPLES]
        moves = np.abs(np.diff(np.log(closes)))
        minutes_s = midnight_s + 60 * np.arange(moves.size, dtype=np.int64)
        activity = np.exp(0.5 * self._path.noise(minutes_s))
        quote = _TURNOVER * activity * (1 + moves / 0.0005)
        return np.maximum(np.rint(quote / closes[:-1] / float(self._lot)), 1).astype(np.int64)
