"""What a signal does to a position that is already there: never more of it, never a mix."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.decision.decide import Enter, plan, screen
from signalbot.decision.situation import Denial, EntryPlan, ExitPlan, Situation
from signalbot.domain.positions import CloseReason
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import (
    OnOpposite,
    Protection,
    RiskLimits,
    Sizing,
    StopSource,
)
from signalbot.domain.signals import Action, Side
from tests.decision.scenes import scene
from tests.domain.samples import BTC, held


@pytest.mark.parametrize("rule", OnOpposite)
def test_a_position_is_not_added_to(rule: OnOpposite) -> None:
    """Whatever opposite signals may do, one on the same side does nothing."""
    position = held()
    s = scene(positions=(position,), protection=Protection(on_opposite_signal=rule))
    assert screen(s) == Denial(Reason.POSITION_OPEN, {"position": position.position_id})


@pytest.mark.parametrize("action", [Action.LONG, Action.SHORT])
@pytest.mark.parametrize("rule", OnOpposite)
def test_another_strategys_position_is_left_alone(action: Action, rule: OnOpposite) -> None:
    """Neither added to, nor closed, nor reversed."""
    position = replace(held(), strategy="other")
    s = scene(action=action, positions=(position,), protection=Protection(on_opposite_signal=rule))
    assert screen(s) == Denial(Reason.SYMBOL_HELD_BY_OTHER_STRATEGY, {"strategy": "other"})


def _opposite(rule: OnOpposite, **changes: object) -> Situation:
    return scene(
        action=Action.SHORT,
        positions=(held(),),
        protection=Protection(on_opposite_signal=rule, stop_source=StopSource.PERCENT),
        **changes,  # type: ignore[arg-type]
    )


def test_an_opposite_signal_is_ignored_if_the_user_says_so() -> None:
    """The position stays."""
    s = _opposite(OnOpposite.IGNORE)
    assert screen(s) == Denial(
        Reason.OPPOSITE_POSITION_OPEN, {"position": held().position_id}
    )  # fmt: skip


def test_an_opposite_signal_closes_the_position() -> None:
    """Whatever the risk limits say: closing risks nothing."""
    s = _opposite(OnOpposite.CLOSE, risk=RiskLimits(max_trades_per_day=0), in_doubt=(BTC,))
    assert screen(s) == ExitPlan(position=held(), reason=CloseReason.OPPOSITE_SIGNAL)


def test_an_opposite_signal_reverses_the_position() -> None:
    """The plan enters the other side, after closing this one."""
    s = _opposite(OnOpposite.REVERSE)
    cleared = screen(s)
    assert cleared == Enter(closes=held())
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
    assert cleared == Enter(closes=held())
    assert plan(s, cleared) == ExitPlan(position=held(), reason=CloseReason.OPPOSITE_SIGNAL)
