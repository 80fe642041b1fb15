"""Candles and ticks of one path agree with each other in every length."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.resample import Resampler
from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.exchange.simulated.price_feed import SimulatedPriceFeed
from signalbot.settings.simulation import SimulatedSymbol, SimulationRules

NOON_MS = Ms(19_700 * DAY_MS + DAY_MS // 2)
SYMBOL = "ETH/USDT:USDT"
LARGER = [timeframe for timeframe in Timeframe if timeframe is not Timeframe.M1]


def tape(seed: int = 1) -> SimulatedPriceFeed:
    return SimulatedPriceFeed(SYMBOL, SimulationRules(seed=seed))


@pytest.mark.parametrize("timeframe", LARGER)
def test_larger_candles_are_exact_sums_of_the_minutes(timeframe: Timeframe) -> None:
    """Across midnight as well."""
    first_ms = Ms(timeframe.floor(NOON_MS) - timeframe.ms)
    made = tape().candles(timeframe, first_ms, 3)
    resampler = Resampler(Timeframe.M1, timeframe)
    minutes = tape().candles(Timeframe.M1, first_ms, 3 * timeframe.ms // 60_000)
    joined = [candle for minute in minutes if (candle := resampler.add(minute)) is not None]
    assert made == joined


@settings(deadline=None)
@given(st.integers(0, 4_000), st.integers(1, 200))
def test_history_is_what_was_streamed(start: int, count: int) -> None:
    """Asked for at once or minute by minute, by this process or the next."""
    first_ms = Ms(NOON_MS + start * 60_000)
    together = tape().candles(Timeframe.M1, first_ms, count)
    again = tape()
    one_by_one = [
        again.candles(Timeframe.M1, Ms(first_ms + index * 60_000), 1)[0] for index in range(count)
    ]
    assert together == one_by_one


def test_a_minute_opens_and_closes_at_the_ticks_of_its_edges() -> None:
    """And its range is the range of its thirteen ticks."""
    subject = tape()
    for candle in subject.candles(Timeframe.M1, Ms(NOON_MS), 60):
        ticks = [subject.price(Ms(candle.open_ms + offset)) for offset in range(0, 60_001, 5_000)]
        assert (candle.open, candle.close) == (ticks[0], ticks[-1])
        assert (candle.high, candle.low) == (max(ticks), min(ticks))


def test_a_candle_opens_where_the_last_one_closed() -> None:
    """Also at midnight, where one computed day meets the next."""
    candles = tape().candles(Timeframe.M1, Ms(NOON_MS), 1_440)
    assert all(a.close == b.open for a, b in pairwise(candles))


def test_prices_lie_on_the_tick_and_volumes_on_the_lot() -> None:
    """Volumes are above zero in every minute, and larger where the price moved more."""
    candles = tape().candles(Timeframe.M1, Ms(NOON_MS), 1_440)
    for candle in candles:
        for price in (candle.open, candle.high, candle.low, candle.close):
            assert price % Decimal("0.01") == 0
        assert candle.volume > 0
        assert candle.volume % Decimal("0.001") == 0
    by_move = sorted(candles, key=lambda candle: abs(candle.close - candle.open))
    calm = sum(candle.volume for candle in by_move[:700])
    assert sum(candle.volume for candle in by_move[-700:]) > calm * Decimal("1.2")


def test_a_price_holds_until_the_next_sample() -> None:
    """Every five seconds there is a new one."""
    subject = tape()
    assert subject.price(Ms(NOON_MS + 4_999)) == subject.price(NOON_MS)


def test_a_market_far_below_its_tick_still_has_a_price() -> None:
    """One tick is the least there is."""
    worthless = SimulatedSymbol(
        price=Decimal("0.01"), annual_volatility_percent=Decimal(3_000), tick=Decimal("0.01")
    )
    subject = SimulatedPriceFeed("X/Y:Y", SimulationRules(symbols={"X/Y:Y": worthless}))
    candles = subject.candles(Timeframe.D1, Ms(19_700 * DAY_MS), 30)
    assert min(candle.low for candle in candles) == Decimal("0.01")
