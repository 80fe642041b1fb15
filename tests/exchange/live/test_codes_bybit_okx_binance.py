"""The tables of Bybit, OKX and Binance: one meaning for a code, one table for an account."""

from dataclasses import astuple
from itertools import combinations

import pytest

from signalbot.exchange.live.codes import Codes
from signalbot.exchange.live.dialects.base import Dialect
from signalbot.exchange.live.dialects.binance_spot import BinanceSpot
from signalbot.exchange.live.dialects.binance_usdm import BinanceUsdm
from signalbot.exchange.live.dialects.bybit import BybitSpot, BybitSwap
from signalbot.exchange.live.dialects.okx import OkxSpot, OkxSwap

TABLES = [BinanceUsdm.codes, BinanceSpot.codes, BybitSwap.codes, OkxSwap.codes]


@pytest.mark.parametrize("codes", TABLES)
def test_a_code_has_one_meaning(codes: Codes) -> None:
    """Which of two were found first would decide whether an order is looked up or given up."""
    for one, other in combinations(astuple(codes), 2):
        assert not one & other


@pytest.mark.parametrize("pair", [(BybitSwap, BybitSpot), (OkxSwap, OkxSpot)])
def test_both_kinds_of_an_exchange_share_codes_and_options(
    pair: tuple[type[Dialect], type[Dialect]],
) -> None:
    """An account has one client and one caller for both."""
    swap, spot = pair
    assert swap.codes is spot.codes
    assert swap.options is spot.options
    assert swap.capabilities.rates == spot.capabilities.rates
