"""Every risk limit at its edge and one step beyond it, with its code and its numbers."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.decision.decide import ClearedEntry, screen
from signalbot.decision.decision_input import DecisionInput, Skip
from signalbot.decision.risk import check_risk
from signalbot.domain.account_snapshot import DayRecord
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.settings import OnOpposite, Protection, RiskLimits
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import EPOCH, Ms
from tests.decision.decision_inputs import decision_input
from tests.domain.samples import BTC, ETH, NOW, held

SOL = "SOL/USDT:USDT"
XRP = "XRP/USDT:USDT"


def _day(*, trades: int = 0, net: str = "0", losses: int = 0) -> DayRecord:
    return DayRecord(
        day_ms=EPOCH, trades=trades, net_pnl=Decimal(net), consecutive_losses=losses
    )  # fmt: skip


def _passes(s: DecisionInput) -> bool:
    return screen(s) == ClearedEntry()


def _refused(s: DecisionInput, reason: DecisionCode, facts: Mapping[str, object]) -> None:
    assert screen(s) == Skip(reason, facts)


def test_without_any_setting_there_is_no_limit() -> None:
    """Fifty positions, a hundred trades, a terrible day and a debt: the user set nothing."""
    positions = tuple(held(symbol=f"C{number}/USDT:USDT") for number in range(50))
    s = decision_input(
        positions=positions,
        day=_day(trades=100, net="-99999", losses=40),
        equity="-5",
        notional="1000000",
        unrealized="-99999",
        last_close_ms={BTC: Ms(NOW)},
    )
    assert check_risk(s) is None


def test_an_unresolved_symbol_takes_no_entry_and_others_do() -> None:
    """While an order there may or may not be live, a second one could double it."""
    _refused(decision_input(unresolved=(BTC,)), DecisionCode.SYMBOL_IN_DOUBT, {"symbol": BTC})
    assert _passes(decision_input(unresolved=(ETH,)))


def test_open_positions_are_counted_up_to_the_limit() -> None:
    """The third of three is allowed, the fourth is not."""
    risk = RiskLimits(max_open_positions=3)
    two = (held(symbol=ETH), held(symbol=SOL))
    assert _passes(decision_input(risk=risk, positions=two))
    _refused(
        decision_input(risk=risk, positions=(*two, held(symbol=XRP))),
        DecisionCode.MAX_OPEN_POSITIONS,
        {"open": 3, "limit": 3},
    )


def test_losses_in_a_row_stop_the_day() -> None:
    """As many as allowed are too many: the next trade would be the one after them."""
    risk = RiskLimits(max_consecutive_losses=4)
    assert _passes(decision_input(risk=risk, day=_day(losses=3)))
    _refused(
        decision_input(risk=risk, day=_day(losses=4)),
        DecisionCode.MAX_CONSECUTIVE_LOSSES,
        {"losses": 4, "limit": 4},
    )


def test_trades_are_counted_per_day() -> None:
    """The twentieth of twenty is allowed."""
    risk = RiskLimits(max_trades_per_day=20)
    assert _passes(decision_input(risk=risk, day=_day(trades=19)))
    _refused(
        decision_input(risk=risk, day=_day(trades=20)),
        DecisionCode.MAX_TRADES_PER_DAY,
        {"trades": 20, "limit": 20},
    )


def test_a_symbol_rests_after_a_close() -> None:
    """Until exactly the cooldown has passed, and only that symbol."""
    risk = RiskLimits(cooldown_ms=60_000)
    closed = {BTC: Ms(NOW)}
    assert _passes(decision_input(risk=risk, last_close_ms=closed, now_ms=NOW + 60_000))
    _refused(
        decision_input(risk=risk, last_close_ms=closed, now_ms=NOW + 59_999),
        DecisionCode.COOLDOWN,
        {"closed_at_ms": NOW, "left_ms": 1},
    )
    assert _passes(decision_input(risk=risk, last_close_ms={ETH: Ms(NOW)}, now_ms=NOW + 1))


@pytest.mark.parametrize(
    ("net", "unrealized"), [("-500", "0"), ("0", "-500"), ("-300", "-200"), ("-600", "100")]
)
def test_the_days_loss_counts_what_is_closed_and_what_is_open(net: str, unrealized: str) -> None:
    """Five percent of 10,000 in the morning is 500; what is left of it is the equity now."""
    risk = RiskLimits(max_daily_loss_percent=Decimal(5))
    s = decision_input(risk=risk, day=_day(net=net), unrealized=unrealized, equity="9500")
    _refused(
        s, DecisionCode.MAX_DAILY_LOSS, {"loss": Decimal(500), "limit": Decimal(500), "percent": 5}
    )


def test_a_cent_less_than_the_days_loss_is_allowed() -> None:
    """The limit is reached or it is not."""
    risk = RiskLimits(max_daily_loss_percent=Decimal(5))
    assert _passes(decision_input(risk=risk, day=_day(net="-499.99"), equity="9500.01"))


@pytest.mark.parametrize("percent", ["0", "5"])
def test_a_day_without_a_loss_is_never_stopped(percent: str) -> None:
    """Not even by a limit of nothing."""
    risk = RiskLimits(max_daily_loss_percent=Decimal(percent))
    assert _passes(decision_input(risk=risk))
    assert _passes(decision_input(risk=risk, day=_day(net="-100"), unrealized="100"))
    assert _passes(decision_input(risk=risk, day=_day(net="800")))


def test_the_account_must_hold_the_least_the_user_wants() -> None:
    """Exactly that much is enough."""
    risk = RiskLimits(min_balance=Decimal(100))
    assert _passes(decision_input(risk=risk, equity="100"))
    _refused(
        decision_input(risk=risk, equity="99.99"),
        DecisionCode.BALANCE_TOO_LOW,
        {"equity": Decimal("99.99"), "limit": Decimal(100)},
    )


def test_exposure_is_open_notional_against_equity() -> None:
    """Three times the equity is the end of it."""
    risk = RiskLimits(max_exposure_percent=Decimal(300))
    assert _passes(decision_input(risk=risk, equity="1000", notional="2999.99"))
    _refused(
        decision_input(risk=risk, equity="1000", notional="3000"),
        DecisionCode.MAX_EXPOSURE,
        {"notional": Decimal(3000), "limit": Decimal(3000)},
    )


@pytest.mark.parametrize(
    ("open_in", "first"),
    [
        ((), ETH),
        ((SOL,), ETH),
        ((ETH,), None),
        ((ETH, SOL), None),
    ],
)
def test_symbols_take_their_turn(open_in: tuple[str, ...], first: str | None) -> None:
    """Bitcoin waits until there is a position in ether, which comes before it."""
    s = decision_input(
        risk=RiskLimits(symbol_priority=(ETH, BTC, SOL)),
        positions=tuple(held(symbol=each) for each in open_in),
    )
    if first is None:
        assert _passes(s)
    else:
        _refused(s, DecisionCode.SYMBOL_NOT_FIRST, {"symbol": BTC, "first": first})


def test_a_symbol_without_a_turn_waits_for_all_that_have_one() -> None:
    """It is behind every symbol of the list."""
    risk = RiskLimits(symbol_priority=(ETH, SOL))
    one = (held(symbol=ETH),)
    _refused(
        decision_input(risk=risk, positions=one),
        DecisionCode.SYMBOL_NOT_FIRST,
        {"symbol": BTC, "first": SOL},
    )
    assert _passes(decision_input(risk=risk, positions=(*one, held(symbol=SOL))))


def test_a_reversal_is_measured_without_the_position_it_closes() -> None:
    """It opens nothing on top: neither a position more nor its notional, nor a new cooldown."""
    risk = RiskLimits(
        max_open_positions=1,
        max_exposure_percent=Decimal(100),
        symbol_priority=(ETH,),
        cooldown_ms=60_000,
    )
    position = held(quantity="10")
    s = decision_input(
        action=Action.SHORT,
        risk=risk,
        protection=Protection(on_opposite_signal=OnOpposite.REVERSE),
        equity="1000",
        positions=(position,),
        last_close_ms={BTC: Ms(NOW)},
    )
    assert check_risk(s) is not None
    assert check_risk(s, replaces=position) is None
    assert screen(s) == ClearedEntry(closes=position)


def test_a_reversal_within_other_positions_still_counts_those() -> None:
    """Only its own position is taken out of the sum, at the price of now."""
    position = held(quantity="10")
    s = decision_input(
        action=Action.SHORT,
        risk=RiskLimits(max_exposure_percent=Decimal(100)),
        price="110",
        equity="1000",
        notional="2100",  # 1,100 of it is this position's
        positions=(position,),
    )
    denial = check_risk(s, replaces=position)
    assert denial == Skip(
        DecisionCode.MAX_EXPOSURE, {"notional": Decimal(1000), "limit": Decimal(1000)}
    )
    assert check_risk(replace(s, price=Decimal("110.1")), replaces=position) is None
