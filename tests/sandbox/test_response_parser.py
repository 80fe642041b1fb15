"""What a worker answers is an idea in bounds, or it is refused; never anything else."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.signals import Action
from signalbot.sandbox.response_parser import parse_description, parse_proposal
from signalbot.strategies.base import StrategyFailed
from signalbot.strategies.params import BadParameter

CLOSE = 100.0
FINE: dict[str, Any] = {
    "action": "LONG",
    "strength": "STRONG",
    "confidence": 0.5,
    "reason": "because",
    "stop_loss": 99.0,
    "take_profits": [101.0, 102],
    "exit_percent": 50,
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalars | st.sampled_from(["LONG", "SHORT", "EXIT_LONG", "WEAK", 99.0, 101.0]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*FINE, "number", "idea", "error", "warm_up"]), inner)
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({key: anything | st.just(FINE[key]) for key in FINE}))
def test_every_response_is_tradable_or_rejected(said: dict[str, Any]) -> None:
    """Finite numbers, known words, prices on their side of the close."""
    try:
        idea = parse_proposal({"number": 1, "idea": said}, number=1, close=CLOSE)
    except StrategyFailed:
        return
    assert idea is not None
    assert 0 <= idea.confidence <= 1
    assert idea.reason.isprintable()
    assert len(idea.take_profits) <= 10
    assert 0 < idea.exit_percent <= 100
    assert idea.exit_percent == 100 or idea.action not in (Action.LONG, Action.SHORT)
    side = {Action.LONG: 1, Action.SHORT: -1}.get(idea.action, 0)
    prices = [*idea.take_profits, *([] if idea.stop_loss is None else [idea.stop_loss])]
    assert all(math.isfinite(price) and 0 < price <= 100 * CLOSE for price in prices)
    if side:
        assert all((price - CLOSE) * side > 0 for price in idea.take_profits)
        assert idea.stop_loss is None or (idea.stop_loss - CLOSE) * side < 0


@given(anything)
def test_an_answer_of_any_shape_is_refused_in_order(answer: object) -> None:
    """Nothing it sends raises anything that is not expected."""
    for read in (parse_description, lambda each: parse_proposal(each, number=1, close=CLOSE)):
        try:
            read(answer)
        except (StrategyFailed, BadParameter):
            continue


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"stop_loss": 101.0}, "stop_loss 101 must be below the close 100"),
        ({"action": "SHORT"}, "stop_loss 99 must be above the close 100"),
        ({"take_profits": [99.0]}, "take_profit 99 must be above the close 100"),
        ({"stop_loss": float("nan")}, "not a finite number"),
        ({"take_profits": [1e300]}, "not a price near the close"),
        ({"confidence": 2}, "confidence 2 is not between 0 and 1"),
        ({"action": "BUY"}, "action 'BUY' is not one of LONG, SHORT"),
        ({"strength": None}, "strength None is not one of WEAK"),
        ({"reason": 5}, "in place of text"),
    ],
)
def test_the_error_names_the_invalid_value(changed: dict[str, Any], why: str) -> None:
    """By name, value and bound."""
    with pytest.raises(StrategyFailed, match=why):
        parse_proposal({"number": 1, "idea": FINE | changed}, number=1, close=CLOSE)


def test_an_answer_to_another_question_is_refused() -> None:
    """It cannot prepare responses, nor respond for another symbol: the number must match."""
    with pytest.raises(StrategyFailed, match="response is to request 2, not 1"):
        parse_proposal({"number": 2, "idea": FINE}, number=1, close=CLOSE)


@pytest.mark.parametrize("percent", [0, -5, 100.5, "half", float("nan")])
def test_a_part_that_cannot_be_closed_is_refused(percent: object) -> None:
    """More than nothing and at most everything."""
    said = FINE | {
        "action": "EXIT_LONG",
        "stop_loss": None,
        "take_profits": [],
        "exit_percent": percent,
    }
    with pytest.raises(StrategyFailed, match="percent"):
        parse_proposal({"number": 1, "idea": said}, number=1, close=CLOSE)
