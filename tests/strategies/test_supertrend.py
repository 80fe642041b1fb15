"""supertrend, on turns made by hand and against a history without end."""

from collections.abc import Sequence

import numpy as np
import talib

from signalbot.domain.market import Candle
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import build_strategy
from tests.strategies.candles import feed, mirrored, random_walk, run

FALL = [1400.0 - at for at in range(400)]  # more than the window needs; it ends at 1001


def test_a_close_above_the_upper_band_turns_the_trend_up() -> None:
    """The band is three ATRs of 1 above the lowest middle price, 1001.5: it gives way at 1004.5."""
    ideas = run("supertrend", [*FALL, 1004.0, 1011.0, 1012.0])
    assert {at: idea.action for at, idea in ideas.items()} == {401: Action.LONG}
    assert "above the band 1004.5" in ideas[401].reason


def test_a_close_below_the_lower_band_turns_the_trend_down() -> None:
    """The mirror image."""
    ideas = run("supertrend", mirrored([*FALL, 1004.0, 1011.0, 1012.0]))
    assert {at: idea.action for at, idea in ideas.items()} == {401: Action.SHORT}
    assert "below the band 995.5" in ideas[401].reason


def test_a_wider_band_gives_way_later() -> None:
    """With six ATRs the same leap is not yet a turn."""
    longer_fall = [1700.0 - at for at in range(700)]
    assert list(run("supertrend", [*longer_fall, 1006.0])) == [700]
    assert run("supertrend", [*longer_fall, 1006.0], multiplier=6) == {}
    assert list(run("supertrend", [*longer_fall, 1015.0], multiplier=6)) == [700]


def test_without_shorts_the_turn_down_ends_the_long() -> None:
    """And proposes it only once."""
    ideas = run("supertrend", mirrored([*FALL, 1011.0, 1012.0]), allow_short=False)
    assert {at: idea.action for at, idea in ideas.items()} == {400: Action.EXIT_LONG}


def test_every_turn_of_an_endless_history_is_found_and_no_other() -> None:
    """TradingView's recursion, begun with the first candle of all, turns at the same candles."""
    candles = random_walk(5, 3000)
    strategy = build_strategy("supertrend", timeframe=Timeframe.M5, params={})
    told = feed(strategy, candles)
    patience = strategy.warm_up[Timeframe.M5] - 1
    expected = {at: action for at, action in textbook_turns(candles).items() if at >= patience}
    assert {at: idea.action for at, idea in enumerate(told) if idea} == expected
    assert len(expected) > 50


def textbook_turns(candles: Sequence[Candle]) -> dict[int, Action]:
    """Where the direction of ``ta.supertrend(3, 10)`` changes."""
    high, low, close = (
        np.array([float(getattr(candle, name)) for candle in candles])
        for name in ("high", "low", "close")
    )
    atr = talib.ATR(high, low, close, 10)
    turns: dict[int, Action] = {}
    upper, lower, direction = np.inf, -np.inf, -1
    for at in range(10, len(candles)):
        middle = (high[at] + low[at]) / 2
        new_upper, new_lower = middle + 3 * atr[at], middle - 3 * atr[at]
        upper = new_upper if close[at - 1] > upper else min(new_upper, upper)
        lower = new_lower if close[at - 1] < lower else max(new_lower, lower)
        if direction < 0 and close[at] > upper:
            direction, turns[at] = 1, Action.LONG
        elif direction > 0 and close[at] < lower:
            direction, turns[at] = -1, Action.SHORT
    return turns
