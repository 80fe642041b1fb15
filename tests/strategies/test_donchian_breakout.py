"""donchian_breakout, on channels made by hand."""

from decimal import Decimal

import pytest

from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import build_strategy
from tests.strategies.candles import candles_of, feed, mirrored, run

CALM = [1000.0 + at % 2 for at in range(200)]  # a channel from 1000 to 1001
OUT = [1004.0, 1005.0]
REST = [1005.0] * 10


def test_the_first_close_above_the_channel_proposes_long() -> None:
    """The next higher close belongs to the same breakout; touching the edge is none."""
    ideas = run("donchian_breakout", [*CALM, 1001.0, *OUT])
    assert {at: idea.action for at, idea in ideas.items()} == {201: Action.LONG}
    assert "above the 20-candle channel's edge 1001" in ideas[201].reason


def test_the_first_close_below_the_channel_proposes_short() -> None:
    """The mirror image."""
    ideas = run("donchian_breakout", mirrored([*CALM, 1001.0, *OUT]))
    assert {at: idea.action for at, idea in ideas.items()} == {201: Action.SHORT}


def test_falling_out_of_the_shorter_channel_ends_the_long_once() -> None:
    """1003 is below the last ten candles, and not below the last twenty."""
    ideas = run("donchian_breakout", CALM + OUT + REST + [1003.0, 1002.0])
    assert {at: idea.action for at, idea in ideas.items()} == {
        200: Action.LONG,
        212: Action.EXIT_LONG,
    }


def test_rising_out_of_the_shorter_channel_ends_the_short_once() -> None:
    """The mirror image."""
    ideas = run("donchian_breakout", mirrored(CALM + OUT + REST + [1003.0, 1002.0]))
    assert {at: idea.action for at, idea in ideas.items()} == {
        200: Action.SHORT,
        212: Action.EXIT_SHORT,
    }


def test_a_breakout_down_without_shorts_ends_the_long() -> None:
    """At once, even where the shorter channel would have waited."""
    ideas = run("donchian_breakout", [*CALM, *OUT, 990.0], allow_short=False)
    assert {at: idea.action for at, idea in ideas.items()} == {
        200: Action.LONG,
        202: Action.EXIT_LONG,
    }


@pytest.mark.parametrize(("volume", "confidence"), [(10, 0.5), (30, 0.75), (0, 0.0)])
def test_confidence_is_the_breakouts_share_of_volume(volume: int, confidence: float) -> None:
    """Against the mean of the channel: as usual, three times as much, none at all."""
    candles = candles_of([*CALM, 1004.0], volume=10)
    quiet, breakout = candles[:-1], candles_of([*CALM, 1004.0], volume=volume)[-1]
    strategy = build_strategy("donchian_breakout", timeframe=Timeframe.M5, params={})
    idea = feed(strategy, [*quiet, breakout])[-1]
    assert idea is not None
    assert idea.confidence == pytest.approx(confidence)


def test_a_market_that_reports_no_volume_is_worth_even_odds() -> None:
    """Nothing speaks for the breakout or against it."""
    strategy = build_strategy("donchian_breakout", timeframe=Timeframe.M5, params={})
    candles = candles_of([*CALM, 1004.0], volume=0)
    assert {candle.volume for candle in candles} == {Decimal(0)}
    idea = feed(strategy, candles)[-1]
    assert idea is not None
    assert idea.confidence == 0.5
