"""macd_cross, on changes of momentum made by hand."""

import pytest

from signalbot.domain.signals import Action
from tests.strategies.candles import mirrored, run

CALM = [1400.0] * 100
FALL = [*CALM, *(1400.0 - 0.01 * at**2 for at in range(200))]  # faster and faster: MACD leads
LEAP = FALL[-1] + 100


def test_a_leap_out_of_a_fall_proposes_long() -> None:
    """MACD jumps over its signal line while both are still below zero: half a trust."""
    ideas = run("macd_cross", [*FALL, LEAP, LEAP + 5])
    assert {at: idea.action for at, idea in ideas.items()} == {300: Action.LONG}
    assert "crossed above its signal line at -17.1" in ideas[300].reason
    assert ideas[300].confidence == pytest.approx(0.5 - 0.5 * 1.618 / 2.618, abs=0.01)


def test_a_drop_out_of_a_rise_proposes_short() -> None:
    """The mirror image, with the same trust in it."""
    ideas = run("macd_cross", mirrored([*FALL, LEAP, LEAP + 5]))
    assert {at: idea.action for at, idea in ideas.items()} == {300: Action.SHORT}
    assert "crossed below its signal line at 17.1" in ideas[300].reason
    assert ideas[300].confidence == pytest.approx(0.5 - 0.5 * 1.618 / 2.618, abs=0.01)


def test_a_cross_on_its_own_side_of_zero_is_trusted_more() -> None:
    """Two leaps: MACD is above zero when it crosses up for the second time."""
    pause = [LEAP + 3 * at for at in range(60)]
    tops = [pause[-1] + 100, *(pause[-1] + 100 - 6 * at for at in range(1, 7))]
    ideas = run("macd_cross", [*FALL, *pause, *tops, tops[-1] + 200])
    first, *_between, last = [idea for idea in ideas.values() if idea.action is Action.LONG]
    assert last.confidence > 0.5 > first.confidence


def test_without_shorts_the_cross_down_ends_the_long() -> None:
    """The cross is the same; only what follows from it differs."""
    ideas = run("macd_cross", mirrored([*FALL, LEAP]), allow_short=False)
    assert {at: idea.action for at, idea in ideas.items()} == {300: Action.EXIT_LONG}
