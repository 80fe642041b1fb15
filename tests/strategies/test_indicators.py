"""Crossings, straightness and the length of a memory, against their definitions."""

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies.base import CandleWindow, Floats
from signalbot.strategies.indicators import (
    DISTANCE_SEED_WEIGHT,
    crossed,
    efficiency_ratio,
    ema_candles,
    last_atr,
    wilder_candles,
)
from tests.strategies.candles import candles_of

PRICES = st.lists(st.floats(90, 110), min_size=2, max_size=30).map(np.array)


@pytest.mark.parametrize(
    ("line", "other", "side"),
    [
        ([1, 3], [2, 2], Side.LONG),
        ([2, 3], [2, 2], Side.LONG),
        ([3, 1], [2, 2], Side.SHORT),
        ([2, 1], [2, 2], Side.SHORT),
        ([1, 2], [2, 2], None),
        ([3, 4], [2, 2], None),
        ([np.nan, 3], [2, 2], None),
    ],
)
def test_a_crossing_needs_one_side_and_then_the_other(
    line: list[float], other: list[float], side: Side | None
) -> None:
    """Touching is not crossing yet; what is unknown crosses nothing."""
    assert crossed(np.array(line), np.array(other)) is side


@given(close=PRICES)
def test_straightness_is_a_share_and_has_one_direction(close: Floats) -> None:
    """Between 0 and 1 towards one side, and then 0 towards the other."""
    period = len(close) - 1
    towards = [efficiency_ratio(close, period, side) for side in Side]
    assert all(0 <= share <= 1 for share in towards)
    assert min(towards) == 0


def test_a_straight_way_is_fully_straight() -> None:
    """Every step up is 1 for LONG; back to the start is 0 for both."""
    assert efficiency_ratio(np.array([9.0, 1, 2, 3, 4]), 3, Side.LONG) == 1
    assert efficiency_ratio(np.array([9.0, 1, 2, 3, 1]), 3, Side.LONG) == 0
    assert efficiency_ratio(np.array([1.0, 3, 2, 5]), 3, Side.LONG) == pytest.approx(4 / 6)


@settings(deadline=None)
@given(period=st.integers(2, 200), seed=st.integers(0, 99), before=st.floats(50, 150))
def test_a_full_window_has_forgotten_what_came_before(
    period: int, seed: int, before: float
) -> None:
    """An average that saw another past differs by a millionth of the difference in price."""
    recent = 100 + np.random.default_rng(seed).uniform(-1, 1, ema_candles(period))
    longer = np.concatenate((np.full(3 * period, before), recent))
    short_sight = talib.EMA(recent, period).item(-1)
    long_sight = talib.EMA(longer, period).item(-1)
    assert abs(short_sight - long_sight) <= 1e-6 * (abs(before - 100) + 2)


@settings(max_examples=25, deadline=None)
@given(period=st.integers(2, 100), jump=st.floats(0.1, 50))
def test_a_full_window_has_forgotten_an_earlier_storm(period: int, jump: float) -> None:
    """Wilder's smoothing of true ranges keeps a ten-thousandth of them at most."""
    calm = [
        100.0 + at % 2 for at in range(wilder_candles(period, seed_weight=DISTANCE_SEED_WEIGHT))
    ]
    wild = [100.0 + jump * (at % 2) for at in range(3 * period)]
    ranges = []
    for closes in (calm, wild + calm):
        window = CandleWindow(len(closes))
        for candle in candles_of(closes, Timeframe.M1):
            window.append(candle)
        ranges.append(last_atr(window, period))
    assert ranges[0] is not None
    assert ranges[1] is not None
    assert abs(ranges[0] - ranges[1]) <= 1e-4 * (jump + 2)


def test_a_range_below_a_millionth_of_the_price_is_none() -> None:
    """Nothing could be bought and sold within it."""
    window = CandleWindow(60)
    for candle in candles_of([10_000 + 0.001 * (at % 2) for at in range(60)]):
        window.append(candle)
    assert last_atr(window, 14) is None
