"""ema_cross, against paths made by hand and the textbook's arithmetic."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from signalbot.domain.market import Candle
from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import build_strategy
from tests.strategies.candles import feed, mirrored, random_walk, run

FALL = [1200.0 - at for at in range(200)]
LEAP = FALL[-1] + 100


def test_a_leap_out_of_a_long_fall_proposes_long() -> None:
    """At the candle of the leap and at no other, with stop and targets around its close."""
    ideas = run("ema_cross", [*FALL, LEAP, LEAP + 1, LEAP + 2])
    assert list(ideas) == [200]
    idea = ideas[200]
    assert idea.action is Action.LONG
    atr = (1 * 13 + 100) / 14  # 13 parts of the fall's ranges, one of the leap's
    assert idea.stop_loss == pytest.approx(LEAP - 2 * atr, abs=0.01)
    assert idea.take_profits == pytest.approx((LEAP + 2 * atr, LEAP + 4 * atr), abs=0.01)
    assert idea.confidence == pytest.approx((100 - 8) / (100 + 8))
    assert idea.strength is Strength.VERY_STRONG
    assert idea.reason.startswith("EMA 9 crossed above EMA 21, close 1101 is 10.14 ATR above it")


def test_a_drop_out_of_a_long_rise_proposes_short() -> None:
    """The mirror image of a leap."""
    ideas = run("ema_cross", mirrored([*FALL, LEAP]))
    assert {at: idea.action for at, idea in ideas.items()} == {200: Action.SHORT}
    assert "crossed below" in ideas[200].reason


def test_without_shorts_the_cross_down_ends_the_long() -> None:
    """An exit carries no levels, and nothing weaker than certainty."""
    (idea,) = run("ema_cross", mirrored([*FALL, LEAP]), allow_short=False).values()
    assert (idea.action, idea.strength, idea.confidence) == (
        Action.EXIT_LONG,
        Strength.VERY_STRONG,
        1.0,
    )
    assert idea.stop_loss is None


def test_every_cross_of_the_textbook_is_found_and_no_other() -> None:
    """Averages over the whole history, as the formula has them, cross at the same candles."""
    candles = random_walk(21, 3000)
    strategy = build_strategy("ema_cross", timeframe=Timeframe.M5, params={})
    told = feed(strategy, candles)
    patience = strategy.warm_up[Timeframe.M5] - 1
    gaps = [fast - slow for fast, slow in zip(ema(candles, 9), ema(candles, 21), strict=True)]
    expected = {
        at: Action.LONG if now > 0 else Action.SHORT
        for at, (before, now) in enumerate(pairwise(gaps), start=1)
        if at >= patience and (before <= 0 < now or now < 0 <= before)
    }
    assert {at: idea.action for at, idea in enumerate(told) if idea} == expected
    assert len(expected) > 80


def ema(candles: Sequence[Candle], period: int) -> list[float]:
    """An exponential average of all closes, begun at the first."""
    averages = [float(candles[0].close)]
    for candle in candles[1:]:
        averages.append(averages[-1] + 2 / (period + 1) * (float(candle.close) - averages[-1]))
    return averages
