"""Every candle is delivered once, in order and without gaps, whatever its source does."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal

import pytest

from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.pipeline.signals.candle_feed import CandleFeed, CandleKey
from signalbot.ports import CandleSource
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock

KEY = CandleKey("sim", "BTC/USDT:USDT", Timeframe.M1)
START = Ms(1_700_000_040_000)


def candle(number: int) -> Candle:
    """The candle of minute ``number``, with a close of 100 + ``number``."""
    price = Decimal(100 + number)
    return Candle(
        symbol=KEY.symbol,
        timeframe=Timeframe.M1,
        open_ms=Ms(START + number * Timeframe.M1.ms),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1),
    )


class ScriptedMarket:
    """Streams the candles of a script, and serves all ``available`` ones as history."""

    def __init__(self, script: Sequence[Candle], available: Sequence[Candle]) -> None:
        self._script = script
        self._available = available

    is_open = True

    async def wait_until_open(self) -> None:
        """It is."""

    def instrument(self, symbol: str) -> Instrument:
        raise KeyError(symbol)

    async def fresh_price(self, symbol: str) -> Decimal | None:
        return None

    def last_price(self, symbol: str) -> Decimal | None:
        return None

    async def history(
        self, symbol: str, timeframe: Timeframe, *, end_ms: Ms, limit: int
    ) -> Sequence[Candle]:
        closed = [each for each in self._available if each.close_ms <= end_ms]
        return closed[-limit:] if limit else []

    async def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        for each in self._script:
            yield each
        await asyncio.Event().wait()

    def funding_interval_ms(self, symbol: str) -> int | None:
        return None

    def source(self, symbol: str, timeframe: Timeframe) -> CandleSource | None:
        return None

    async def prices(self, symbol: str) -> AsyncIterator[PriceRange]:
        await asyncio.Event().wait()
        yield PriceRange(
            symbol=symbol, high=Decimal(1), low=Decimal(1), last=Decimal(1), at_ms=START
        )


def received(
    script: Sequence[Candle], available: Sequence[Candle] = (), *, history: int = 0
) -> tuple[list[int], CandleFeed]:
    """Numbers of the candles that came out, and the feed."""
    numbers: list[int] = []

    async def main() -> CandleFeed:
        async def sink(key: CandleKey, candle: Candle, *, is_history: bool) -> None:
            assert key == KEY
            numbers.append(int(candle.close) - 100)

        feed = CandleFeed({"sim": ScriptedMarket(script, available)}, LoopClock(START))
        feed.watch(KEY, history=history)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(feed.run(sink))
            await asyncio.sleep(1)
            task.cancel()
        return feed

    return numbers, virtual_time.run_virtual(main())


def test_an_undisturbed_stream_passes_through() -> None:
    """Ten candles in, the same ten out."""
    numbers, _ = received([candle(n) for n in range(10)])
    assert numbers == list(range(10))


def test_duplicates_and_late_candles_are_dropped_and_counted() -> None:
    """A candle is delivered once, and never after its successor."""
    script = [candle(n) for n in (0, 1, 1, 2, 0, 3, 3)]
    numbers, feed = received(script)
    assert numbers == [0, 1, 2, 3]
    stream = feed.streams[KEY]
    assert (stream.duplicates, stream.out_of_order) == (2, 1)


def test_a_gap_is_filled_from_history_in_order() -> None:
    """Candles that the stream skipped are fetched before the next one is delivered."""
    available = [candle(n) for n in range(10)]
    numbers, feed = received([candle(0), candle(1), candle(6), candle(7)], available)
    assert numbers == list(range(8))
    assert feed.streams[KEY].gaps_filled == 4


def test_history_comes_before_the_first_live_candle() -> None:
    """Warm-up candles first, none of them twice."""
    available = [candle(n) for n in range(-5, 0)]
    numbers, _ = received([candle(-1), candle(0)], available, history=3)
    assert numbers == [-3, -2, -1, 0]


@pytest.mark.parametrize("seed", range(20))
def test_any_disturbance_gives_the_same_candles_as_none(seed: int) -> None:
    """Repeats, omissions and reordering, at random: the output never differs."""
    rng = random.Random(seed)
    available = [candle(n) for n in range(40)]
    script = [
        each for each in available if rng.random() > 0.3 or each in (available[0], available[-1])
    ]
    script += rng.sample(script[1:-1], 8)
    middle = script[1:]
    rng.shuffle(middle)
    numbers, _ = received([script[0], *sorted(middle, key=_jitter(rng)), available[-1]], available)
    assert numbers == list(range(40))


def _jitter(rng: random.Random) -> Callable[[Candle], int]:
    return lambda each: each.open_ms + rng.randrange(-180_000, 180_000)
