"""The tables of Bybit, OKX and Binance: one meaning for a code, one table for an account."""

from dataclasses import astuple
from itertools import combinations

import pytest

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, RejectionReason
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.binance_spot import BinanceSpot
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.adapters.bybit_spot import BybitSpot
from signalbot.exchange.live.adapters.bybit_swap import BybitSwap
from signalbot.exchange.live.adapters.error_responses import rejected_order_error
from signalbot.exchange.live.adapters.okx_spot import OkxSpot
from signalbot.exchange.live.adapters.okx_swap import OkxSwap
from signalbot.exchange.live.transport.error_codes import ErrorCodes

TABLES = [BinanceUsdm.codes, BinanceSpot.codes, BybitSwap.codes, OkxSwap.codes]


@pytest.mark.parametrize("codes", TABLES)
def test_a_code_has_one_meaning(codes: ErrorCodes) -> None:
    """Which of two were found first would decide whether an order is looked up or given up."""
    for one, other in combinations(astuple(codes), 2):
        assert not one & other


@pytest.mark.parametrize("pair", [(BybitSwap, BybitSpot), (OkxSwap, OkxSpot)])
def test_both_kinds_of_an_exchange_share_codes_and_options(
    pair: tuple[type[ExchangeAdapter], type[ExchangeAdapter]],
) -> None:
    """An account has one client and one caller for both."""
    swap, spot = pair
    assert swap.codes is spot.codes
    assert swap.options is spot.options
    assert swap.capabilities.rates == spot.capabilities.rates


@pytest.mark.parametrize(
    ("dialect", "code", "refusal"),
    [
        (OkxSwap, "51058", RejectionReason.OTHER),  # "No available position for this algo order"
        (
            OkxSwap,
            "51299",
            RejectionReason.OTHER,
        ),  # "You can hold a maximum of ... orders of this type"
        (OkxSwap, "51341", RejectionReason.OTHER),  # "Position closing not allowed"
        (OkxSwap, "51148", RejectionReason.OTHER),  # "may execute an opposite trading direction"
        (
            OkxSpot,
            "51415",
            RejectionReason.OTHER,
        ),  # "Spot trading only supports using the last price"
        (
            OkxSwap,
            "51302",
            RejectionReason.WOULD_TRIGGER,
        ),  # "SL ... cannot be lower than the mark price"
        (
            OkxSwap,
            "50029",
            RejectionReason.ACCESS_DENIED,
        ),  # "temporarily restricted from ... transactions"
        (
            BybitSpot,
            "170810",
            RejectionReason.OTHER,
        ),  # "Cannot exceed maximum of 500 conditional, TP/SL"
        (
            BybitSwap,
            "110118",
            RejectionReason.OTHER,
        ),  # "Unable to retrieve a price ... low liquidity"
        (BybitSpot, "170226", RejectionReason.OTHER),  # "is being liquidated"
        (BinanceUsdm, "-1112", RejectionReason.OTHER),  # NO_DEPTH
        (BinanceUsdm, "-4109", RejectionReason.ACCESS_DENIED),  # INACTIVE_ACCOUNT
    ],
)
def test_a_documented_refusal_is_a_refusal(
    dialect: type[ExchangeAdapter], code: str, refusal: RejectionReason
) -> None:
    """What is on no list counts as unknown: a position has no stop while that is being settled.

    https://www.okx.com/docs-v5/en/#error-code, https://bybit-exchange.github.io/docs/v5/error,
    https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
    """
    error = rejected_order_error(code, "told", codes=dialect.codes)
    assert isinstance(error, OrderRejected)
    assert error.rejection_reason is refusal


@pytest.mark.parametrize(
    ("dialect", "code"),
    [
        (OkxSwap, "51054"),  # "Request timed out"
        (OkxSwap, "51149"),  # "Order timed out ... does not mean ... successful or failed"
        (OkxSwap, "51412"),  # "Cancellation timed out"
        (OkxSwap, "51068"),  # "already exists within algoClOrdId and attachAlgoClOrdId"
        (OkxSwap, "50071"),  # "clOrdId already exists"
        (BybitSpot, "170234"),  # "System Error"
        (BinanceUsdm, "-1007"),  # "Send status unknown; execution status unknown"
    ],
)
def test_an_error_that_leaves_it_open_is_no_refusal(
    dialect: type[ExchangeAdapter], code: str
) -> None:
    """The order may live: it is looked up, and never sent again."""
    error = rejected_order_error(code, "told", codes=dialect.codes)
    assert isinstance(error, OrderOutcomeUnknown)
