"""The public side: who hears what, in which order, and what slow readers get."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import pytest

from signalbot.domain.market import Candle, Instrument, PriceRange
from signalbot.domain.resample import aggregate
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.simulated.market import SimulatedMarket
from tests.exchange.simulated.trader import SYMBOL, swap

HOUR_MS = 1_700_006_400_000


def minute(index: int, close: int = 100) -> Candle:
    return Candle(
        symbol=SYMBOL,
        timeframe=Timeframe.M1,
        open_ms=Ms(HOUR_MS + index * 60_000),
        open=Decimal(100),
        high=Decimal(max(100, close)),
        low=Decimal(min(100, close)),
        close=Decimal(close),
        volume=Decimal(1),
    )


def listed(symbol: str) -> Instrument:
    if symbol != SYMBOL:
        raise KeyError(symbol)
    return swap()


def no_history(symbol: str, timeframe: Timeframe, end_ms: Ms, limit: int) -> Sequence[Candle]:
    return ()


def make_market() -> SimulatedMarket:
    return SimulatedMarket(instrument=listed, history=no_history)


async def read_until(stream: AsyncIterator[Candle], close_ms: int, heard: list[Candle]) -> None:
    async for candle in stream:
        heard.append(candle)
        if candle.close_ms == close_ms:
            return


async def everybody_waits(group: asyncio.TaskGroup) -> None:
    """Let the other tasks run until they wait."""
    await asyncio.wait([group.create_task(one_turn())])


async def one_turn() -> None:
    """Nothing to do: scheduling it lets everybody else go first."""


async def test_larger_candles_are_delivered_before_smaller_ones_at_a_common_boundary() -> None:
    """A strategy run by the 5m candle then sees the 1h candle that closed with it."""
    market = make_market()
    heard: list[Candle] = []
    streams = [
        market.candles(SYMBOL, timeframe)
        for timeframe in (Timeframe.M5, Timeframe.M1, Timeframe.H1, Timeframe.M15)
    ]
    end_ms = HOUR_MS + 3_600_000
    async with asyncio.TaskGroup() as group:
        for stream in streams:
            group.create_task(read_until(stream, end_ms, heard))
        for index in range(60):
            await everybody_waits(group)
            market.advance(minute(index))
    assert [candle.timeframe for candle in heard if candle.close_ms == end_ms] == [
        Timeframe.H1,
        Timeframe.M15,
        Timeframe.M5,
        Timeframe.M1,
    ]
    assert len(heard) == 60 + 12 + 4 + 1


async def test_candles_are_kept_for_a_reader_that_comes_later() -> None:
    """From the moment it asked, not from its first read; the oldest give way in the end."""
    market = make_market()
    stream = market.candles(SYMBOL, Timeframe.M1)
    for index in range(1_500):
        market.advance(minute(index))
    first = await anext(stream)
    assert first.open_ms == HOUR_MS + 500 * 60_000


async def test_a_larger_candle_that_was_forming_is_completed_from_history() -> None:
    """Asking for 5m candles at 12:03 gives the one that closes at 12:05."""
    asked: list[tuple[Ms, int]] = []

    def history(symbol: str, timeframe: Timeframe, end_ms: Ms, limit: int) -> Sequence[Candle]:
        asked.append((end_ms, limit))
        return [minute(0), minute(1), minute(2, close=120)]

    market = SimulatedMarket(instrument=listed, history=history)
    stream = market.candles(SYMBOL, Timeframe.M5)
    market.advance(minute(3))
    market.advance(minute(4))
    made = await anext(stream)
    assert asked == [(Ms(HOUR_MS + 180_000), 3)]
    assert made == aggregate(
        [minute(0), minute(1), minute(2, close=120), minute(3), minute(4)], Timeframe.M5
    )


async def test_without_history_an_incomplete_candle_is_not_published() -> None:
    """It must never be traded on."""
    market = make_market()
    stream = market.candles(SYMBOL, Timeframe.M5)
    for index in range(3, 10):
        market.advance(minute(index))
    assert (await anext(stream)).open_ms == HOUR_MS + 300_000


async def test_slow_readers_of_prices_get_one_wider_range() -> None:
    """No backlog, and no high or low is lost."""
    market = make_market()
    stream = market.prices(SYMBOL)
    for second, price in enumerate((100, 107, 93, 101)):
        market.tick(SYMBOL, Decimal(price), Ms(HOUR_MS + second * 1000))
    assert await anext(stream) == PriceRange(
        symbol=SYMBOL,
        high=Decimal(107),
        low=Decimal(93),
        last=Decimal(101),
        at_ms=Ms(HOUR_MS + 3_000),
    )
    market.tick(SYMBOL, Decimal(102), Ms(HOUR_MS + 4_000))
    assert (await anext(stream)).low == 102


async def test_a_candle_tells_its_range_only_if_no_tick_has_told_it() -> None:
    """A replay has candles alone; a live market has told every price already."""
    market = make_market()
    stream = market.prices(SYMBOL)
    market.advance(minute(0, close=110))
    told = await anext(stream)
    assert (told.low, told.high, told.last) == (Decimal(100), Decimal(110), Decimal(110))
    market.tick(SYMBOL, Decimal(105), Ms(HOUR_MS + 120_000))
    market.advance(minute(1, close=90))
    assert await anext(stream) == PriceRange(
        symbol=SYMBOL,
        high=Decimal(105),
        low=Decimal(105),
        last=Decimal(105),
        at_ms=Ms(HOUR_MS + 120_000),
    )


async def test_every_reader_hears_everything() -> None:
    """Two readers of one timeframe do not share a queue."""
    market = make_market()
    streams = [market.candles(SYMBOL, Timeframe.M1) for _ in range(2)]
    market.advance(minute(0))
    assert [await anext(stream) for stream in streams] == [minute(0)] * 2


async def test_a_reader_that_is_gone_costs_nothing() -> None:
    """Dropping the iterator is enough; nobody has to say goodbye."""
    market = make_market()
    stream = market.candles(SYMBOL, Timeframe.M1)
    prices = market.prices(SYMBOL)
    market.advance(minute(0))
    del stream, prices
    gc.collect()
    market.advance(minute(1))
    channel = market._channels[SYMBOL]
    assert not channel._timeframes
    assert not channel._readers


async def test_a_second_task_cannot_read_the_same_stream() -> None:
    """It would steal every other item."""
    market = make_market()
    stream = market.candles(SYMBOL, Timeframe.M1)
    heard: list[Candle] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(read_until(stream, minute(0).close_ms, heard))
        await everybody_waits(group)
        with pytest.raises(RuntimeError, match="already has a reader"):
            await anext(stream)
        market.advance(minute(0))
    assert heard == [minute(0)]


async def test_the_last_price_follows_ticks_and_candles() -> None:
    """None before the first, and None rather than an error for what is not listed."""
    market = make_market()
    assert market.last_price(SYMBOL) is None
    market.tick(SYMBOL, Decimal(99), Ms(HOUR_MS))
    assert market.last_price(SYMBOL) == 99
    market.advance(minute(0, close=104))
    assert market.last_price(SYMBOL) == 104
    assert market.last_price("NOT/LISTED:X") is None
    with pytest.raises(KeyError):
        market.instrument("NOT/LISTED:X")


async def test_history_comes_from_the_given_source() -> None:
    """A replay's is empty: the past beyond its candles does not exist."""
    market = make_market()
    assert await market.history(SYMBOL, Timeframe.H1, end_ms=Ms(HOUR_MS), limit=10) == ()
