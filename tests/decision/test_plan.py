"""The plan of an entry: its price, its facts, and that it is deterministic."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from signalbot.decision.decide import ClearedEntry, plan, screen
from signalbot.decision.decision_input import DecisionInput, EntryPlan, Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.orders import OrderType
from signalbot.domain.settings import (
    EntryRules,
    EntryType,
    Protection,
    StopSource,
)
from signalbot.domain.signals import Action, Side
from tests.decision.decision_inputs import decision_input, decision_inputs
from tests.domain.samples import SIGNAL


def test_without_any_price_there_is_no_entry() -> None:
    """Neither the signal nor the market has one; either will do."""
    bare = replace(SIGNAL, price=None)
    assert plan(decision_input(signal=bare, price=None), ClearedEntry()) == Skip(
        DecisionCode.PRICE_UNKNOWN
    )
    for s in (decision_input(price=None), decision_input(signal=bare)):
        planned = plan(s, ClearedEntry())
        assert isinstance(planned, EntryPlan)
        assert planned.price == 100


def test_the_market_is_believed_before_the_signal() -> None:
    """The entry is planned at the price of now."""
    planned = plan(decision_input(price="101"), ClearedEntry())
    assert isinstance(planned, EntryPlan)
    assert (planned.price, planned.type) == (Decimal(101), OrderType.MARKET)


@pytest.mark.parametrize(("action", "limit"), [(Action.LONG, "99.4"), (Action.SHORT, "100.6")])
def test_a_limit_entry_has_a_better_price_on_the_tick(action: Action, limit: str) -> None:
    """Lower to buy, higher to sell, and rounded to the user's advantage."""
    s = decision_input(
        action=action,
        price="100",
        entry=EntryRules(type=EntryType.LIMIT, limit_offset_percent=Decimal("0.55")),
        protection=Protection(stop_source=StopSource.PERCENT),
    )
    planned = plan(s, ClearedEntry())
    assert isinstance(planned, EntryPlan)
    assert (planned.price, planned.type) == (Decimal(limit), OrderType.LIMIT)
    assert planned.stop_loss is not None
    assert (planned.price - planned.stop_loss) * planned.side.sign > 0


def test_a_plan_has_its_numbers_as_facts() -> None:
    """What the decision row shows of an entry, and what kept it small."""
    planned = plan(decision_input(free="50"), ClearedEntry())
    assert isinstance(planned, EntryPlan)
    assert planned.facts == {
        "side": Side.LONG,
        "quantity": planned.quantity,
        "price": Decimal(100),
        "stop_loss": Decimal(95),
        "take_profits": [Decimal(110), Decimal(120)],
        "equity": Decimal(10_000),
        "capped_by": "balance",
    }
    unhindered = plan(decision_input(), ClearedEntry())
    assert isinstance(unhindered, EntryPlan)
    assert "capped_by" not in unhindered.facts


@settings(max_examples=50)
@given(decision_inputs())
def test_the_same_situation_always_gives_the_same_decision(s: DecisionInput) -> None:
    """And deciding changes nothing of what it looked at."""
    before = deepcopy(s)
    first, second = screen(s), screen(before)
    assert first == second
    if isinstance(first, ClearedEntry):
        assert plan(s, first) == plan(before, first) == plan(s, first)
    assert s == before
