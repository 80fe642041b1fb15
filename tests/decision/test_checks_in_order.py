"""The first refusal wins, and exits are never held back by what only guards entries."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from decimal import Decimal

import pytest

from signalbot.decision.decide import ClearedEntry, screen
from signalbot.decision.decision_input import DecisionInput, ExitPlan, Skip
from signalbot.domain.account_snapshot import DayRecord
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.settings import (
    Filters,
    HoursRange,
    RiskLimits,
)
from signalbot.domain.signals import Action, Side, SignalStatus, Strength
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import SubscriptionStatus, UserStatus
from tests.decision.decision_inputs import USER, decision_input, with_settings
from tests.domain.samples import BTC, ETH, NOW, SIGNAL, held

EVERYTHING_WRONG = decision_input(
    signal=replace(SIGNAL, strength=Strength.WEAK, confidence=0.1, status=SignalStatus.CANCELLED),
    user=replace(USER, status=UserStatus.PAUSED),
    filters=Filters(
        symbols=(ETH,),
        min_strength="STRONG",
        min_confidence=0.5,
        max_price_drift_percent=Decimal(1),
        max_signal_age_ms=500,
        hours=(HoursRange(time(1), time(2)),),
    ),
    risk=RiskLimits(
        symbol_priority=(ETH,),
        max_open_positions=1,
        max_consecutive_losses=1,
        max_trades_per_day=1,
        cooldown_ms=60_000,
        max_daily_loss_percent=Decimal(1),
        min_balance=Decimal(50_000),
        max_exposure_percent=Decimal(10),
    ),
    price="150",
    positions=(held(symbol="SOL/USDT:USDT", quantity="100"),),
    day=DayRecord(day_ms=EPOCH, trades=9, net_pnl=Decimal(-5_000), consecutive_losses=9),
    last_close_ms={BTC: Ms(NOW)},
    unresolved=(BTC,),
    halted=True,
)
EVERYTHING_WRONG = replace(
    EVERYTHING_WRONG,
    subscription=replace(EVERYTHING_WRONG.subscription, status=SubscriptionStatus.PAUSED),
)

Fix = Callable[[DecisionInput], DecisionInput]


def _filters(**changes: object) -> Fix:
    def fix(s: DecisionInput) -> DecisionInput:
        return with_settings(s, filters=replace(s.settings.filters, **changes))  # type: ignore[arg-type]

    return fix


def _risk(**changes: object) -> Fix:
    def fix(s: DecisionInput) -> DecisionInput:
        return with_settings(s, risk=replace(s.settings.risk, **changes))  # type: ignore[arg-type]

    return fix


def _active(s: DecisionInput) -> DecisionInput:
    return replace(s, subscription=replace(s.subscription, status=SubscriptionStatus.ACTIVE))


IN_ORDER: list[tuple[DecisionCode, Fix]] = [
    (
        DecisionCode.SIGNAL_NOT_ACTIVE,
        lambda s: replace(s, signal=replace(s.signal, status=SignalStatus.ACTIVE)),
    ),
    (DecisionCode.SIGNAL_TOO_OLD, _filters(max_signal_age_ms=None)),
    (DecisionCode.TRADING_HALTED, lambda s: replace(s, halted=False)),
    (
        DecisionCode.USER_PAUSED,
        lambda s: replace(s, user=replace(s.user, status=UserStatus.ACTIVE)),
    ),
    (DecisionCode.SUBSCRIPTION_NOT_ACTIVE, _active),
    (DecisionCode.SYMBOL_FILTERED, _filters(symbols=("*",))),
    (DecisionCode.STRENGTH_BELOW_MINIMUM, _filters(min_strength=None)),
    (DecisionCode.CONFIDENCE_BELOW_MINIMUM, _filters(min_confidence=None)),
    (DecisionCode.PRICE_DRIFTED, _filters(max_price_drift_percent=None)),
    (DecisionCode.OUTSIDE_HOURS, _filters(hours=())),
    (
        DecisionCode.SYMBOL_IN_DOUBT,
        lambda s: replace(s, snapshot=replace(s.snapshot, unresolved_symbols=frozenset())),
    ),
    (DecisionCode.SYMBOL_NOT_FIRST, _risk(symbol_priority=())),
    (DecisionCode.MAX_OPEN_POSITIONS, _risk(max_open_positions=None)),
    (DecisionCode.MAX_CONSECUTIVE_LOSSES, _risk(max_consecutive_losses=None)),
    (DecisionCode.MAX_TRADES_PER_DAY, _risk(max_trades_per_day=None)),
    (DecisionCode.COOLDOWN, _risk(cooldown_ms=0)),
    (DecisionCode.MAX_DAILY_LOSS, _risk(max_daily_loss_percent=None)),
    (DecisionCode.BALANCE_TOO_LOW, _risk(min_balance=None)),
    (DecisionCode.MAX_EXPOSURE, _risk(max_exposure_percent=None)),
]


def test_the_first_refusal_wins() -> None:
    """With everything wrong at once, curing one fault after the other shows the next."""
    s, codes = EVERYTHING_WRONG, []
    for _, fix in IN_ORDER:
        found = screen(s)
        assert isinstance(found, Skip)
        codes.append(found.reason)
        s = fix(s)
    assert codes == [reason for reason, _ in IN_ORDER]
    assert screen(s) == ClearedEntry()


def test_an_exit_passes_halts_filters_and_risk() -> None:
    """With everything wrong that may be, the position is left all the same."""
    position = held()
    s = IN_ORDER[1][1](IN_ORDER[0][1](EVERYTHING_WRONG))
    s = replace(
        s,
        signal=replace(s.signal, action=Action.EXIT_LONG),
        snapshot=replace(s.snapshot, positions={BTC: position}),
    )
    assert screen(s) == ExitPlan(position=position, reason=CloseReason.EXIT_SIGNAL)


def test_an_exit_that_is_over_is_refused() -> None:
    """Expired or withdrawn holds for exits too."""
    s = decision_input(action=Action.EXIT_LONG, positions=(held(),), now_ms=SIGNAL.expires_at_ms)
    found = screen(s)
    assert isinstance(found, Skip)
    assert found.reason is DecisionCode.SIGNAL_NOT_ACTIVE


@pytest.mark.parametrize(
    ("action", "position"),
    [
        (Action.EXIT_LONG, None),
        (Action.EXIT_LONG, held(Side.SHORT)),
        (Action.EXIT_SHORT, held(Side.LONG)),
        (Action.EXIT_LONG, replace(held(), strategy="other")),
        (Action.EXIT_LONG, held(symbol=ETH)),
    ],
)
def test_an_exit_needs_its_own_position(action: Action, position: Position | None) -> None:
    """Of that side, in that symbol, opened by that strategy."""
    s = decision_input(action=action, positions=(position,) if position else ())
    assert screen(s) == Skip(DecisionCode.NO_POSITION, {"symbol": BTC, "side": action.side})
