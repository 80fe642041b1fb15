"""rsi_reversal, on dips and spikes made by hand."""

from signalbot.domain.signals import Action, Strength
from tests.strategies.candles import mirrored, run

CALM = [1000.0 + at % 2 for at in range(400)]
DIP = [998.0 - 2 * at for at in range(10)]
BACK = [986.0]  # RSI 35: out of the oversold zone
MIDDLE = [995.0, 1000.0]  # RSI 53 and beyond


def test_a_dip_is_bought_when_it_turns_and_sold_in_the_middle() -> None:
    """LONG at the candle that leaves the zone, EXIT_LONG at the one that reaches 50."""
    ideas = run("rsi_reversal", CALM + DIP + BACK + MIDDLE)
    assert {at: idea.action for at, idea in ideas.items()} == {
        410: Action.LONG,
        411: Action.EXIT_LONG,
    }
    assert ideas[410].reason == "RSI 14 came back above 30 to 35.1 after being 14.2 beyond"
    assert ideas[410].strength is Strength.VERY_STRONG
    assert ideas[410].confidence == 1.0  # it closed at its high


def test_a_spike_is_sold_when_it_turns_and_bought_back_in_the_middle() -> None:
    """The mirror image of a dip."""
    ideas = run("rsi_reversal", mirrored(CALM + DIP + BACK + MIDDLE))
    assert {at: idea.action for at, idea in ideas.items()} == {
        410: Action.SHORT,
        411: Action.EXIT_SHORT,
    }


def test_a_reversal_is_left_only_once() -> None:
    """Later crossings of the middle end nothing, as long as no new dip came between."""
    ideas = run("rsi_reversal", CALM + DIP + BACK + MIDDLE + [980.0, 1000.0, 985.0, 1005.0])
    assert [at for at, idea in ideas.items() if idea.action is Action.EXIT_LONG] == [411]


def test_a_turn_all_the_way_to_the_middle_is_too_late_to_buy() -> None:
    """It proposes EXIT_LONG for an earlier dip, and no LONG."""
    ideas = run("rsi_reversal", CALM + DIP + [1010.0])
    assert {at: idea.action for at, idea in ideas.items()} == {410: Action.EXIT_LONG}


def test_levels_are_the_users() -> None:
    """A dip to RSI 16 is not one for who waits for 10."""
    assert run("rsi_reversal", CALM + DIP + BACK, oversold=10) == {}


def test_spikes_are_left_alone_where_shorts_are_not_allowed() -> None:
    """The exit without a short position is harmless; there is no entry."""
    ideas = run("rsi_reversal", mirrored(CALM + DIP + BACK), allow_short=False)
    assert ideas == {}
