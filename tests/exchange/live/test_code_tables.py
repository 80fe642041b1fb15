"""Laws of every exchange's tables."""

from dataclasses import fields
from itertools import combinations

import pytest

from signalbot.domain.market import MarketKind
from signalbot.domain.orders import OrderType
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.bitget import BitgetSpot, BitgetSwap
from signalbot.exchange.live.adapters.htx import HtxSwap
from signalbot.exchange.live.adapters.htx_spot import HtxSpot
from signalbot.exchange.live.adapters.kraken import KrakenSpot
from signalbot.exchange.live.adapters.kraken_futures import KrakenFutures
from signalbot.exchange.live.adapters.mexc import MexcSwap
from signalbot.exchange.live.adapters.mexc_spot import MexcSpot
from signalbot.exchange.live.transport.error_codes import ErrorCodes
from tests.exchange.live.wire_fixtures import ENTRY_ID

DIALECTS = (
    BitgetSwap(), BitgetSpot(), HtxSwap(), HtxSpot(), KrakenSpot(), KrakenFutures(), MexcSwap(),
    MexcSpot(),
)  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: type(each).__name__)
def test_a_code_has_one_meaning(dialect: ExchangeAdapter) -> None:
    """The order in which meanings are tried must not matter."""
    tables = [(field.name, getattr(dialect.codes, field.name)) for field in fields(ErrorCodes)]
    for (one, codes), (other, others) in combinations(tables, 2):
        assert not codes & others, f"{one} and {other}"


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: type(each).__name__)
def test_an_id_of_ours_is_recognized(dialect: ExchangeAdapter) -> None:
    """As it goes out; and it is the same every time."""
    wire_id = dialect.wire_id(ENTRY_ID)
    assert wire_id == dialect.wire_id(ENTRY_ID)
    assert dialect.is_own_order_id(wire_id)
    assert not dialect.is_own_order_id("manual-1")


@pytest.mark.parametrize(
    ("one", "other"), [(BitgetSwap, BitgetSpot), (HtxSwap, HtxSpot), (MexcSwap, MexcSpot)]
)
def test_two_kinds_of_one_exchange_share_what_a_client_shares(
    one: type[ExchangeAdapter], other: type[ExchangeAdapter]
) -> None:
    """One client, one budget and one table of codes serve both."""
    assert one.codes is other.codes
    assert one.capabilities.rates == other.capabilities.rates
    assert {**one.options, **other.options} == {**other.options, **one.options}


@pytest.mark.parametrize(
    "dialect",
    [each for each in DIALECTS if each.capabilities.kind is MarketKind.SPOT],
    ids=lambda each: type(each).__name__,
)
def test_spot_takes_no_targets_and_only_reduces_nothing(dialect: ExchangeAdapter) -> None:
    """A stop and a target would lock the same coins; there is nothing to reduce."""
    row = dialect.capabilities
    assert OrderType.TAKE_PROFIT not in row.order_types
    assert not row.reduce_only
    assert not row.leverage
    assert not row.margin_modes
