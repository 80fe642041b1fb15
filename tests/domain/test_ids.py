"""Ids: the same event always gets the same id, and two events never share one."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.orders import ClientOrderId, Leg, client_order_id_of
from signalbot.domain.signals import (
    Action,
    SignalId,
    position_id_of,
    signal_id_of_candle,
    signal_id_of_key,
)
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId, subscription_id_of
from tests.domain.samples import BTC, ETH, NOW

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
KEYS = st.text(max_size=12) | st.text("\x1f|:/-ab", max_size=6)
SIGNAL_ID = SignalId("sig_0123456789abcdef")


def _of_candle(
    *,
    strategy: str = "trend",
    exchange: str = "sim",
    symbol: str = BTC,
    timeframe: Timeframe = Timeframe.M5,
    close_ms: int = NOW,
    action: Action = Action.LONG,
) -> SignalId:
    return signal_id_of_candle(
        strategy=strategy,
        exchange=exchange,
        symbol=symbol,
        timeframe=timeframe,
        close_ms=Ms(close_ms),
        action=action,
    )


def _of_order(*, user: str = "anna", leg: Leg = Leg.ENTRY, attempt: int = 0) -> ClientOrderId:
    return client_order_id_of(
        signal_id=SIGNAL_ID, user_id=UserId(user), leg=leg, attempt=attempt
    )  # fmt: skip


def test_ids_stay_what_they_are_from_version_to_version() -> None:
    """A daemon that was updated overnight must recognise what it sent the day before."""
    assert _of_candle() == "sig_12e722f947300250"
    assert signal_id_of_key(strategy="trend", key="abc") == "sig_0f2dd0db6b541495"
    assert position_id_of(signal_id=SIGNAL_ID, user_id=UserId("anna")) == "pos_09b114f2d27c491e"
    assert _of_order() == "5c42025e664bcb7e473f692d28855ab6"
    assert subscription_id_of(user_id=UserId("anna"), strategy="trend") == "anna/trend"


def test_every_part_of_a_candles_event_changes_its_signal_id() -> None:
    """Another strategy, exchange, symbol, timeframe, close or action is another signal."""
    ids = {
        _of_candle(),
        _of_candle(strategy="trend2"),
        _of_candle(exchange="sim2"),
        _of_candle(symbol=ETH),
        _of_candle(timeframe=Timeframe.M1),
        _of_candle(close_ms=NOW + 300_000),
        *(_of_candle(action=action) for action in Action),
    }
    assert len(ids) == 6 + len(Action) - 1
    assert all(re.fullmatch("sig_[0-9a-f]{16}", each) for each in ids)


@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_names_that_run_together_stay_apart(first: tuple[str, str], other: tuple[str, str]) -> None:
    """``ab`` on ``c`` is not ``a`` on ``bc``."""
    ids = [_of_candle(strategy=strategy, exchange=venue) for strategy, venue in (first, other)]
    assert (ids[0] == ids[1]) == (first == other)


@given(st.tuples(NAMES, KEYS), st.tuples(NAMES, KEYS))
def test_whatever_a_sender_writes_in_its_key_only_the_same_key_collides(
    first: tuple[str, str], other: tuple[str, str]
) -> None:
    """Not even a key that contains the separator can name another strategy's signal."""
    ids = [signal_id_of_key(strategy=strategy, key=key) for strategy, key in (first, other)]
    assert (ids[0] == ids[1]) == (first == other)


@given(KEYS)
def test_a_key_is_never_mistaken_for_a_candle(key: str) -> None:
    """Signals of a candle and signals with a key do not share ids."""
    rest = f"sim\x1f{BTC}\x1f5m\x1f{NOW}\x1fLONG"
    for text in (key, rest):
        assert signal_id_of_key(strategy="trend", key=text) != _of_candle()


def test_client_order_ids_are_accepted_by_every_exchange_and_never_repeat() -> None:
    """Thirty-two hex digits, different for every user, leg and attempt."""
    users = [f"user{number}" for number in range(50)]
    ids = [
        _of_order(user=user, leg=leg, attempt=attempt)
        for user, leg, attempt in product(users, Leg, range(12))
    ]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


@pytest.mark.parametrize("leg", Leg)
def test_the_same_leg_and_attempt_always_get_the_same_id(leg: Leg) -> None:
    """After a crash the order can be looked up under the id it was sent with."""
    assert _of_order(leg=leg, attempt=3) == _of_order(leg=leg, attempt=3)
    other = client_order_id_of(
        signal_id=SignalId("sig_fedcba9876543210"), user_id=UserId("anna"), leg=leg, attempt=3
    )
    assert other != _of_order(leg=leg, attempt=3)


def test_a_position_has_an_id_of_its_own_per_signal_and_user() -> None:
    """One user opens at most one position on one signal."""
    ids = {
        position_id_of(signal_id=signal_id, user_id=UserId(user))
        for signal_id, user in product((SIGNAL_ID, SignalId("sig_1")), ("anna", "ben"))
    }
    assert len(ids) == 4
    assert all(re.fullmatch("pos_[0-9a-f]{16}", each) for each in ids)
