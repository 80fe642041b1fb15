"""Which signals pass to a user, each limit exactly at its edge and one step beyond it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.decision.decide import ClearedEntry, screen
from signalbot.decision.decision_input import DecisionInput, Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.settings import Filters
from signalbot.domain.signals import SignalStatus, Strength
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import SubscriptionStatus, UserStatus
from tests.decision.decision_inputs import USER, decision_input
from tests.domain.samples import ANNA, BTC, ETH, NOW, SIGNAL


def _passes(s: DecisionInput) -> bool:
    return screen(s) == ClearedEntry()


def test_without_any_setting_nothing_is_filtered() -> None:
    """A limit that was not given does not apply."""
    weak = replace(SIGNAL, strength=Strength.WEAK, confidence=0.0, symbol=ETH)
    assert _passes(decision_input(signal=weak, price="60", now_ms=SIGNAL.expires_at_ms - 1))


def test_a_signal_can_be_followed_until_it_expires() -> None:
    """At that instant it has expired, even if its status is still ACTIVE."""
    assert _passes(decision_input(now_ms=SIGNAL.expires_at_ms - 1))
    assert screen(decision_input(now_ms=SIGNAL.expires_at_ms + 2)) == Skip(
        DecisionCode.SIGNAL_NOT_ACTIVE, {"status": SignalStatus.ACTIVE, "late_ms": 2}
    )
    denial = screen(decision_input(now_ms=SIGNAL.expires_at_ms))
    assert isinstance(denial, Skip)
    assert denial.reason is DecisionCode.SIGNAL_NOT_ACTIVE


@pytest.mark.parametrize("status", [SignalStatus.EXPIRED, SignalStatus.CANCELLED])
def test_a_signal_that_is_over_is_refused_in_time(status: SignalStatus) -> None:
    """Withdrawn is withdrawn, however young."""
    denial = screen(decision_input(signal=replace(SIGNAL, status=status)))
    assert isinstance(denial, Skip)
    assert denial.reason is DecisionCode.SIGNAL_NOT_ACTIVE
    assert denial.facts["status"] is status


def test_age_is_counted_from_the_candles_close() -> None:
    """As old as allowed passes; a millisecond more does not, though it came in just now."""
    filters = Filters(max_signal_age_ms=120_000)
    late = replace(SIGNAL, created_at_ms=Ms(NOW + 119_000), expires_at_ms=Ms(NOW + 400_000))
    assert _passes(decision_input(signal=late, filters=filters, now_ms=NOW + 120_000))
    assert screen(decision_input(signal=late, filters=filters, now_ms=NOW + 120_001)) == Skip(
        DecisionCode.SIGNAL_TOO_OLD, {"age_ms": 120_001, "limit_ms": 120_000}
    )


def test_a_signal_without_a_candle_ages_from_when_it_came_in() -> None:
    """An alert from outside speaks of its own instant."""
    alert = replace(SIGNAL, candle_close_ms=None, created_at_ms=Ms(NOW + 100_000))
    filters = Filters(max_signal_age_ms=120_000)
    assert _passes(decision_input(signal=alert, filters=filters, now_ms=NOW + 220_000))


@pytest.mark.parametrize(
    ("symbols", "exclude", "passes"),
    [
        (("*",), (), True),
        ((BTC,), (), True),
        (("BTC/*",), (), True),
        (("ETH/*", "BTC/*"), (), True),
        (("*/USDT:USDT",), (), True),
        (("ETH/*",), (), False),
        (("btc/*",), (), False),
        ((), (), False),
        (("*",), ("BTC/*",), False),
        (("*",), ("ETH/*",), True),
        ((BTC,), (BTC,), False),
    ],
)
def test_a_symbol_passes_by_its_globs(
    symbols: tuple[str, ...], exclude: tuple[str, ...], passes: bool
) -> None:
    """One that is named and excluded is excluded; case matters."""
    found = screen(decision_input(filters=Filters(symbols=symbols, exclude_symbols=exclude)))
    denial = Skip(
        DecisionCode.SYMBOL_FILTERED, {"symbol": BTC, "symbols": symbols, "exclude": exclude}
    )
    assert found == (ClearedEntry() if passes else denial)


@pytest.mark.parametrize("strength", Strength)
@pytest.mark.parametrize("least", Strength)
def test_a_signal_below_min_strength_is_skipped(strength: Strength, least: Strength) -> None:
    """The same strength passes, one word weaker does not."""
    signal = replace(SIGNAL, strength=strength)
    found = screen(decision_input(signal=signal, filters=Filters(min_strength=least)))
    denial = Skip(DecisionCode.STRENGTH_BELOW_MINIMUM, {"strength": strength, "limit": least})
    assert found == (ClearedEntry() if strength.rank >= least.rank else denial)


def test_a_signal_below_min_confidence_is_skipped() -> None:
    """Exactly as confident passes."""
    assert _passes(decision_input(filters=Filters(min_confidence=0.8)))
    assert screen(decision_input(filters=Filters(min_confidence=0.81))) == Skip(
        DecisionCode.CONFIDENCE_BELOW_MINIMUM, {"confidence": 0.8, "limit": 0.81}
    )


@pytest.mark.parametrize(("price", "drift"), [("100.51", "0.51"), ("99.49", "0.51")])
def test_the_price_may_not_have_run_away(price: str, drift: str) -> None:
    """Either way, measured from the price the signal saw."""
    filters = Filters(max_price_drift_percent=Decimal("0.5"))
    assert _passes(decision_input(filters=filters, price="100.5"))
    assert _passes(decision_input(filters=filters, price="99.5"))
    assert screen(decision_input(filters=filters, price=price)) == Skip(
        DecisionCode.PRICE_DRIFTED,
        {
            "signal_price": Decimal(100),
            "price": Decimal(price),
            "drift": Decimal(drift),
            "limit": Decimal("0.5"),
        },
    )


def test_drift_is_unknown_without_both_prices() -> None:
    """A signal without a price, or a market without one, cannot be measured."""
    filters = Filters(max_price_drift_percent=Decimal(0))
    assert _passes(decision_input(filters=filters, signal=replace(SIGNAL, price=None), price="250"))
    assert _passes(decision_input(filters=filters, price=None))


def test_a_drift_limit_of_zero_is_possible() -> None:
    """Zero percent is a limit, not the absence of one."""
    filters = Filters(max_price_drift_percent=Decimal(0))
    assert _passes(decision_input(filters=filters, price="100"))
    assert not _passes(decision_input(filters=filters, price="100.1"))


def test_a_halt_of_all_and_a_users_own_have_different_facts() -> None:
    """The facts name the scope of the halt and its reason."""
    assert screen(decision_input(halted=True)) == Skip(
        DecisionCode.TRADING_HALTED, {"scope": "all"}
    )
    halted = replace(USER, status=UserStatus.HALTED, status_reason="bad keys")
    assert screen(decision_input(user=halted)) == Skip(
        DecisionCode.TRADING_HALTED, {"scope": ANNA, "why": "bad keys"}
    )


@pytest.mark.parametrize("status", [UserStatus.PAUSED, UserStatus.REMOVED])
def test_a_user_who_is_not_active_does_not_enter(status: UserStatus) -> None:
    """Paused by the owner, or no longer configured."""
    assert screen(decision_input(user=replace(USER, status=status))) == Skip(
        DecisionCode.USER_PAUSED
    )


@pytest.mark.parametrize("status", [SubscriptionStatus.PAUSED, SubscriptionStatus.CANCELLED])
def test_a_subscription_that_is_not_active_does_not_enter(status: SubscriptionStatus) -> None:
    """The facts have its status."""
    s = decision_input()
    s = replace(s, subscription=replace(s.subscription, status=status))
    assert screen(s) == Skip(DecisionCode.SUBSCRIPTION_NOT_ACTIVE, {"status": status})
