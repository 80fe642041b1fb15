"""Candles of a what-if and the gaps in them."""

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
"""Age, in candles, from which the last price counts as unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketCandles:
    """Candles of one market."""

    symbol: str
    timeframe: Timeframe
    candles: Sequence[Candle]  #: oldest first, each once
    source: str  #: description for the report

    @property
    def missing(self) -> int:
        """Number of missing candles between the first and the last."""
        return sum(
            (after.open_ms - before.close_ms) // self.timeframe.ms
            for before, after in pairwise(self.candles)
        )

    def within(self, first_ms: Ms, last_ms: Ms) -> "MarketCandles":
        """Return those that close from ``first_ms`` to ``last_ms``, both inclusive."""
        kept = [each for each in self.candles if first_ms <= each.close_ms <= last_ms]
        return MarketCandles(
            symbol=self.symbol, timeframe=self.timeframe, candles=kept, source=self.source
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleGap:
    """A period without candles, and the signals that arrived in it."""

    symbol: str
    from_ms: Ms | None  #: close of the previous candle; None: there is none
    until_ms: Ms | None  #: open of the next candle; None: there is none
    signals: tuple[SignalId, ...]


def seeded_candles(
    settings: ExchangeSettings, symbol: str, *, from_ms: Ms, until_ms: Ms
) -> MarketCandles:
    """Return the candles of a simulated exchange; the same seed gives the same prices."""
    minute = Timeframe.M1
    first_ms = minute.floor(from_ms)
    count = (minute.floor(until_ms) - first_ms) // minute.ms
    prices = SeededPrices(settings.simulated or SimulationRules())
    return MarketCandles(
        symbol=symbol,
        timeframe=minute,
        candles=prices.history(symbol, minute, Ms(first_ms + count * minute.ms), count),
        source=f"the seed of {settings.name}",
    )


def find_candle_gaps(
    arrivals: Sequence[SignalArrival], by_market: Mapping[str, MarketCandles]
) -> list[CandleGap]:
    """Return the gaps in which signals arrived, in order of time."""
    found: dict[tuple[str, Ms | None, Ms | None], list[SignalId]] = {}
    closes = {
        symbol: [each.close_ms for each in market.candles] for symbol, market in by_market.items()
    }
    for arrival in arrivals:
        symbol = arrival.signal.symbol
        market = by_market.get(symbol)
        if market is None or not market.candles:
            found.setdefault((symbol, None, None), []).append(arrival.signal.signal_id)
            continue
        index = bisect_right(closes[symbol], arrival.at_ms)
        before = closes[symbol][index - 1] if index else None
        if before is not None and arrival.at_ms - before <= _MAX_CANDLE_AGE * market.timeframe.ms:
            continue
        after = market.candles[index].open_ms if index < len(market.candles) else None
        found.setdefault((symbol, before, after), []).append(arrival.signal.signal_id)
    return [
        CandleGap(symbol=symbol, from_ms=before, until_ms=after, signals=tuple(signals))
        for (symbol, before, after), signals in found.items()
    ]
