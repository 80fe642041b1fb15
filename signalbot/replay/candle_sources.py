"""Where the candles of a what-if come from, and where there are none."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from signalbot.domain.market import Candle
from signalbot.domain.signals import SignalId
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.simulated.driver import SeededPrices
from signalbot.replay.signal_replay import SignalArrival
from signalbot.settings.exchange import ExchangeSettings
from signalbot.settings.simulation import SimulationRules

_MAX_CANDLE_AGE: Final = 5
"""Candles after which the last price is none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketCandles:
    """What is known of one market's prices."""

    symbol: str
    timeframe: Timeframe
    candles: Sequence[Candle]  #: oldest first, each once
    source: str  #: for people

    @property
    def missing(self) -> int:
        """How many candles are missing between the first and the last."""
        return sum(
            (after.open_ms - before.close_ms) // self.timeframe.ms
            for before, after in pairwise(self.candles)
        )

    def within(self, first_ms: Ms, last_ms: Ms) -> "MarketCandles":
        """Those that close from ``first_ms`` to ``last_ms``, both included."""
        kept = [each for each in self.candles if first_ms <= each.close_ms <= last_ms]
        return MarketCandles(
            symbol=self.symbol, timeframe=self.timeframe, candles=kept, source=self.source
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleGap:
    """A time without candles, and the signals that came in it."""

    symbol: str
    from_ms: Ms | None  #: close of the candle before; None: there is none
    until_ms: Ms | None  #: open of the candle after; None: there is none
    signals: tuple[SignalId, ...]


def seeded_candles(
    terms: ExchangeSettings, symbol: str, *, from_ms: Ms, until_ms: Ms
) -> MarketCandles:
    """The prices that a simulated exchange made, and makes again for as often as it is asked."""
    minute = Timeframe.M1
    first_ms = minute.floor(from_ms)
    count = (minute.floor(until_ms) - first_ms) // minute.ms
    prices = SeededPrices(terms.simulated or SimulationRules())
    return MarketCandles(
        symbol=symbol,
        timeframe=minute,
        candles=prices.history(symbol, minute, Ms(first_ms + count * minute.ms), count),
        source=f"the seed of {terms.name}",
    )


def find_candle_gaps(
    arrivals: Sequence[SignalArrival], by_market: Mapping[str, MarketCandles]
) -> list[CandleGap]:
    """Where signals came and nobody knows what their market did, in the order of time."""
    found: dict[tuple[str, Ms | None, Ms | None], list[SignalId]] = {}
    closes = {symbol: [each.close_ms for each in of.candles] for symbol, of in by_market.items()}
    for arrival in arrivals:
        symbol = arrival.signal.symbol
        of = by_market.get(symbol)
        if of is None or not of.candles:
            found.setdefault((symbol, None, None), []).append(arrival.signal.signal_id)
            continue
        place = bisect_right(closes[symbol], arrival.at_ms)
        before = closes[symbol][place - 1] if place else None
        if before is not None and arrival.at_ms - before <= _MAX_CANDLE_AGE * of.timeframe.ms:
            continue
        after = of.candles[place].open_ms if place < len(of.candles) else None
        found.setdefault((symbol, before, after), []).append(arrival.signal.signal_id)
    return [
        CandleGap(symbol=symbol, from_ms=before, until_ms=after, signals=tuple(signals))
        for (symbol, before, after), signals in found.items()
    ]
