"""Drives a seeded exchange by a clock: ticks every five seconds, candles at every minute."""

from collections.abc import Sequence
from typing import Final

from signalbot.domain.market import Candle, Instrument
from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.exchange.simulated.price_feed import SAMPLE_MS, SimulatedPriceFeed
from signalbot.ports import Clock
from signalbot.settings.simulation import SimulationRules, instrument_of, symbol_rules

_MAX_MISSED_MS: Final = 30 * DAY_MS
_STALLED_MS: Final = 3_600_000  # farther behind its clock, the driver continues in candles
_MINUTE_MS: Final = Timeframe.M1.ms


class SeededPrices:
    """Prices and rules of every symbol by seed and configuration."""

    def __init__(self, rules: SimulationRules) -> None:
        self._rules = rules
        self._feeds: dict[str, SimulatedPriceFeed] = {}

    def instrument(self, symbol: str) -> Instrument:
        """Rules of ``symbol``; ``KeyError`` when it is no symbol."""
        return instrument_of(symbol, symbol_rules(self._rules, symbol))

    def history(
        self, symbol: str, timeframe: Timeframe, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        """The ``limit`` newest candles with ``close_ms <= end_ms``, oldest first."""
        first_ms = Ms(timeframe.floor(end_ms) - limit * timeframe.ms)
        return self.feed(symbol).candles(timeframe, first_ms, limit)

    def feed(self, symbol: str) -> SimulatedPriceFeed:
        feed = self._feeds.get(symbol)
        if feed is None:
            feed = self._feeds[symbol] = SimulatedPriceFeed(symbol, self._rules)
        return feed


class SimulationDriver:
    """Feeds prices to a venue and its market, in the order of an exchange.

    At every instant the venue trades first; then the price, and at a minute the closed candle, is
    published.
    """

    def __init__(
        self, *, prices: SeededPrices, engine: MatchingEngine, market: SimulatedMarket
    ) -> None:
        self._prices = prices
        self._engine = engine
        self._market = market
        self._now_ms: Ms | None = None
        market.on_first_use(self._quote)

    async def prepare(self, clock: Clock) -> None:
        """Match what was missed, and quote every market at the present price."""
        self._publish(await self.catch_up(clock))

    async def run(self, clock: Clock) -> None:
        """Match what was missed, then follow ``clock`` until cancelled."""
        at_ms = await self.catch_up(clock)
        while True:
            self._publish(at_ms)
            at_ms = Ms(at_ms + SAMPLE_MS)
            behind_ms = clock.now_ms() - at_ms
            if behind_ms > _STALLED_MS:
                at_ms = await self.catch_up(clock)
            elif behind_ms < 0:
                await clock.sleep_until(at_ms)
            else:
                await clock.sleep(0)

    async def catch_up(self, clock: Clock) -> Ms:
        """Match orders with the prices since the last run; return the present instant.

        At most the last 30 days. The market publishes none of them.
        """
        now_ms = _floor(clock.now_ms(), SAMPLE_MS)
        seen_ms = self._engine.last_seen_ms
        if seen_ms is None or seen_ms >= now_ms:
            return now_ms
        at_ms = max(seen_ms, Ms(now_ms - _MAX_MISSED_MS))
        at_ms = self._match_ticks(at_ms, min(now_ms, _floor(at_ms - 1, _MINUTE_MS, steps=1)))
        while at_ms + _MINUTE_MS <= now_ms:
            until_ms = min(_floor(at_ms, DAY_MS, steps=1), _floor(now_ms, _MINUTE_MS))
            at_ms = self._match_candles(at_ms, until_ms)
            await clock.sleep(0)
        self._match_ticks(at_ms, now_ms)
        self._engine.mark_matched(now_ms)
        return now_ms

    def _match_ticks(self, after_ms: Ms, until_ms: Ms) -> Ms:
        first_ms = _floor(after_ms, SAMPLE_MS, steps=1)
        for at_ms in range(first_ms, until_ms + 1, SAMPLE_MS):
            self._match_prices(Ms(at_ms))
        return until_ms

    def _match_candles(self, from_ms: Ms, until_ms: Ms) -> Ms:
        count = (until_ms - from_ms) // _MINUTE_MS
        columns = [
            self._prices.feed(symbol).candles(Timeframe.M1, from_ms, count)
            for symbol in self._engine.symbols
        ]
        for minute in zip(*columns, strict=True):
            for candle in minute:
                self._engine.on_candle(candle)
        self._engine.mark_matched(until_ms)
        return until_ms

    def _publish(self, at_ms: Ms) -> None:
        self._now_ms = at_ms
        self._match_prices(at_ms)
        for symbol in self._market.symbols:
            self._market.tick(symbol, self._prices.feed(symbol).price(at_ms), at_ms)
        if at_ms % _MINUTE_MS == 0:
            self._engine.mark_matched(at_ms)
            for symbol in self._market.symbols:
                open_ms = Ms(at_ms - _MINUTE_MS)
                self._market.advance(self._prices.feed(symbol).candles(Timeframe.M1, open_ms, 1)[0])

    def _match_prices(self, at_ms: Ms) -> None:
        for symbol in dict.fromkeys((*self._engine.symbols, *self._market.symbols)):
            self._engine.on_price(symbol, self._prices.feed(symbol).price(at_ms), at_ms)

    def _quote(self, symbol: str) -> None:
        """Quote a market at once on its first use."""
        if self._now_ms is not None:
            price = self._prices.feed(symbol).price(self._now_ms)
            self._engine.on_price(symbol, price, self._now_ms)
            self._market.tick(symbol, price, self._now_ms)


def _floor(at_ms: int, step_ms: int, *, steps: int = 0) -> Ms:
    """The last multiple of ``step_ms`` not after ``at_ms``, and ``steps`` further on."""
    return Ms(at_ms - at_ms % step_ms + steps * step_ms)
