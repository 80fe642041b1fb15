"""What a signal does to a position that is already there: never more of it, never a mix."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.decision.decide import ClearedEntry, plan, screen
from signalbot.decision.decision_input import DecisionInput, EntryPlan, ExitPlan, Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.positions import CloseReason
from signalbot.domain.settings import (
    OnOpposite,
    Protection,
    RiskLimits,
    Sizing,
    StopSource,
)
from signalbot.domain.signals import Action, Side
from tests.decision.decision_inputs import decision_input
from tests.domain.samples import BTC, held


@pytest.mark.parametrize("rule", OnOpposite)
def test_a_position_is_not_added_to(rule: OnOpposite) -> None:
    """Whatever opposite signals may do, one on the same side does nothing."""
    position = held()
    s = decision_input(positions=(position,), protection=Protection(on_opposite_signal=rule))
    assert screen(s) == Skip(DecisionCode.POSITION_OPEN, {"position": position.position_id})


@pytest.mark.parametrize("action", [Action.LONG, Action.SHORT])
@pytest.mark.parametrize("rule", OnOpposite)
def test_another_strategys_position_is_left_alone(action: Action, rule: OnOpposite) -> None:
    """Neither added to, nor closed, nor reversed."""
    position = replace(held(), strategy="other")
    s = decision_input(
        action=action, positions=(position,), protection=Protection(on_opposite_signal=rule)
    )
    assert screen(s) == Skip(DecisionCode.SYMBOL_HELD_BY_OTHER_STRATEGY, {"strategy": "other"})


def _opposite(rule: OnOpposite, **changes: object) -> DecisionInput:
    return decision_input(
        action=Action.SHORT,
        positions=(held(),),
        protection=Protection(on_opposite_signal=rule, stop_source=StopSource.PERCENT),
        **changes,  # type: ignore[arg-type]
    )


def test_an_opposite_signal_is_ignored_if_the_user_sets_so() -> None:
    """The position stays."""
    s = _opposite(OnOpposite.IGNORE)
    assert screen(s) == Skip(
        DecisionCode.OPPOSITE_POSITION_OPEN, {"position": held().position_id}
    )  # fmt: skip


def test_an_opposite_signal_closes_the_position() -> None:
    """Whatever the risk limits: closing adds no risk."""
    s = _opposite(OnOpposite.CLOSE, risk=RiskLimits(max_trades_per_day=0), unresolved=(BTC,))
    assert screen(s) == ExitPlan(position=held(), reason=CloseReason.OPPOSITE_SIGNAL)


def test_an_opposite_signal_reverses_the_position() -> None:
    """The plan enters the other side, after closing this one."""
    s = _opposite(OnOpposite.REVERSE)
    cleared = screen(s)
    assert cleared == ClearedEntry(closes=held())
    planned = plan(s, cleared)
    assert isinstance(planned, EntryPlan)
    assert planned.side is Side.SHORT
    assert planned.closes == held()


def test_a_reversal_that_may_not_enter_still_closes() -> None:
    """A limit forbids the new position, not leaving the old one."""
    s = _opposite(OnOpposite.REVERSE, risk=RiskLimits(max_trades_per_day=0))
    assert screen(s) == ExitPlan(position=held(), reason=CloseReason.OPPOSITE_SIGNAL)


def test_a_reversal_that_cannot_be_sized_still_closes() -> None:
    """Found out only when planning."""
    s = _opposite(OnOpposite.REVERSE, sizing=Sizing(risk_percent=Decimal("0.0001")))
    cleared = screen(s)
    assert cleared == ClearedEntry(closes=held())
    assert plan(s, cleared) == ExitPlan(position=held(), reason=CloseReason.OPPOSITE_SIGNAL)
