"""Maintenance margins: what ccxt makes of each exchange's answer, and what we make of that."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.async_support as ccxt
import pytest

from signalbot.domain.errors import Unavailable
from signalbot.domain.liquidation import liquidation_price
from signalbot.domain.market import BracketUnit, Instrument, MarginBracket, MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.signals import Side
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.capabilities import LeverageTierRequest
from signalbot.exchange.live.market_data.margin_brackets import (
    MarginBracketCache,
    parse_brackets,
)
from signalbot.exchange.live.registry import SUPPORTED, exchange_row
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.ledger.database import Database, open_replay_database
from signalbot.ledger.market_rules import MarginBracketStore
from signalbot.tasks import SystemClock
from tests.domain.samples import BTC, ETH, INSTRUMENT
from tests.venue.server import venue

MARKET = {"symbol": BTC, "base": "BTC", "quote": "USDT", "settle": "USDT", "id": "BTCUSDT"}
CONTRACT = replace(INSTRUMENT, contract_size=Decimal("0.01"))

# Answers as the exchanges' documents show them, and the brackets they stand for.
DOCUMENTED: Mapping[str, tuple[Any, list[tuple[str, str, str, int | None]]]] = {
    "binanceusdm": (
        {
            "symbol": "BTCUSDT",
            "brackets": [
                {"bracket": 1, "initialLeverage": 75, "notionalCap": 10_000, "notionalFloor": 0,
                 "maintMarginRatio": 0.0065, "cum": 0},
                {"bracket": 2, "initialLeverage": 50, "notionalCap": 50_000,
                 "notionalFloor": 10_000, "maintMarginRatio": 0.01, "cum": 35},
            ],
        },
        [("0", "0.0065", "0", None), ("10000", "0.01", "35", None)],
    ),
    "bybit": (
        [
            {"id": 1, "symbol": "BTCUSDT", "riskLimitValue": "2000000", "initialMargin": "0.01",
             "maintenanceMargin": "0.005", "maxLeverage": "100.00", "mmDeduction": ""},
            {"id": 2, "symbol": "BTCUSDT", "riskLimitValue": "10000000", "initialMargin": "0.02",
             "maintenanceMargin": "0.01", "maxLeverage": "50.00", "mmDeduction": "10000"},
        ],
        [("0", "0.005", "0", None), ("2000000", "0.01", "10000", None)],
    ),
    "okx": (
        [
            {"tier": "1", "instId": "", "minSz": "0", "maxSz": "600", "mmr": "0.004",
             "imr": "0.01", "maxLever": "100"},
            {"tier": "2", "instId": "", "minSz": "601", "maxSz": "1000", "mmr": "0.005",
             "imr": "0.0133", "maxLever": "75"},
        ],
        [("0", "0.004", "0", None), ("6.01", "0.005", "0", None)],
    ),
    "bitget": (
        [
            {"symbol": "BTCUSDT", "level": "1", "startUnit": "0", "endUnit": "150000",
             "leverage": "125", "keepMarginRate": "0.004"},
            {"symbol": "BTCUSDT", "level": "2", "startUnit": "150000", "endUnit": "800000",
             "leverage": "100", "keepMarginRate": "0.005"},
        ],
        [("0", "0.004", "0", None), ("150000", "0.005", "0", None)],
    ),
    "htx": (
        {
            "contract_code": "BTC-USDT", "margin_mode": "isolated", "trade_partition": "USDT",
            "list": [
                {"lever_rate": 75, "ladders": [
                    {"ladder": 0, "min_size": 0, "max_size": 999, "adjust_factor": 0.7},
                    {"ladder": 1, "min_size": 1000, "max_size": 2999, "adjust_factor": 0.75},
                ]},
                {"lever_rate": 5, "ladders": [
                    {"ladder": 0, "min_size": 0, "max_size": 2999, "adjust_factor": 0.05},
                ]},
            ],
        },
        [("0", "0.01", "0", 5), ("0", "0.009333333333333333", "0", 75),
         ("10", "0.01", "0", 75)],
    ),
    "mexc": (
        {
            "symbol": "BTC_USDT", "quoteCoin": "USDT", "maxLeverage": 125, "maxVol": 400_000,
            "maintenanceMarginRate": 0.004, "initialMarginRate": 0.008, "riskIncrVol": 200_000,
            "riskIncrMmr": 0.004, "riskIncrImr": 0.004,
        },
        [("0", "0.004", "0", None), ("2000", "0.008", "0", None)],
    ),
    "krakenfutures": (
        {
            "symbol": "PF_XBTUSD",
            "marginLevels": [
                {"numNonContractUnits": 0, "initialMargin": 0.02, "maintenanceMargin": 0.01},
                {"numNonContractUnits": 500_000, "initialMargin": 0.04, "maintenanceMargin": 0.02},
            ],
        },
        [("0", "0.01", "0", None), ("500000", "0.02", "0", None)],
    ),
}  # fmt: skip


def tiers_of(exchange: str) -> LeverageTierRequest:
    tiers = exchange_row(exchange).leverage_tiers
    assert tiers is not None
    return tiers


def test_every_exchange_with_leverage_tiers_has_a_documented_answer() -> None:
    """So that a new one cannot go untested."""
    assert set(DOCUMENTED) == {each for each in SUPPORTED if exchange_row(each).leverage_tiers}


@pytest.mark.parametrize("exchange", DOCUMENTED)
async def test_documented_answers_become_brackets(exchange: str) -> None:
    """In base units where ccxt's ``minNotional`` is a count of contracts; deductions kept."""
    answer, expected = DOCUMENTED[exchange]
    client = getattr(ccxt, exchange)({"number": str})
    try:
        told = client.parse_market_leverage_tiers(answer, MARKET)
    finally:
        await client.close()
    found = parse_brackets(told, tiers_of(exchange), CONTRACT)
    assert [
        (str(each.least.normalize() + 0), str(each.rate)[:20], str(each.deduction.normalize() + 0),
         each.leverage)
        for each in found
    ] == [(str(Decimal(least) + 0), *rest) for least, *rest in expected]  # fmt: skip


GOOD = {"minNotional": "0", "maintenanceMarginRate": "0.01", "info": {}}


@pytest.mark.parametrize(
    "told",
    [
        None,
        "text",
        {},
        [],
        [None],
        [{**GOOD, "maintenanceMarginRate": None}],
        [{**GOOD, "maintenanceMarginRate": "0"}],
        [{**GOOD, "maintenanceMarginRate": "1.5"}],
        [{**GOOD, "minNotional": None}],
        [{**GOOD, "minNotional": "100"}],  # nothing holds for small positions
        [GOOD, GOOD],
    ],
)
def test_tiers_that_cannot_be_true_are_none(told: Any) -> None:
    """The market keeps its usual margin."""
    assert parse_brackets(told, tiers_of("bitget"), INSTRUMENT) == ()


@asynccontextmanager
async def _binance(
    tmp_path: Path,
) -> AsyncIterator[tuple[MarginBracketCache, RequestExecutor, Database]]:
    async with (
        venue("binance", accounts=["anna"]) as it,
        open_replay_database(tmp_path / "a.db") as book,
    ):
        connection = Connection(
            "x", ClientProfile("binanceusdm", options=BinanceUsdm.options), config=it.ccxt_config()
        )
        await connection.open()
        await connection.load_markets()
        clock, dialect = SystemClock(), BinanceUsdm()
        caller = RequestExecutor(
            connection.client(it.credentials("anna")),
            rate_limiter=RateLimiter("x", rates=dialect.capabilities.rates, clock=clock),
            codes=dialect.codes,
            on_clock_skew=lambda: None,
        )
        yield _brackets(book, caller), caller, book
        await connection.close()


def _brackets(book: Database, api: RequestExecutor | None) -> MarginBracketCache:
    return MarginBracketCache(
        tiers_of("binanceusdm"),
        margins=MarginBracketStore(book, "x"),
        api=lambda _: api,
        clock=SystemClock(),
        on_updated=lambda: None,
    )


async def test_brackets_are_told_once_and_known_after_a_restart(tmp_path: Path) -> None:
    """One request for all markets in use; the ledger remembers them."""
    other = replace(INSTRUMENT, symbol=ETH, base="ETH")
    expected = (
        MarginBracket(least=ZERO, rate=Decimal("0.004")),
        MarginBracket(least=Decimal(300_000), rate=Decimal("0.01"), deduction=Decimal(1_800)),
    )
    async with _binance(tmp_path) as (brackets, _, book):
        await brackets.refresh_due([INSTRUMENT, other])
        known = brackets.with_brackets(INSTRUMENT)
        assert known.brackets == expected
        assert known.bracket_unit is BracketUnit.NOTIONAL
        await book.flush()
        later = _brackets(book, None)
        await later.load()
        assert later.with_brackets(other).brackets == expected
        await later.refresh_due([INSTRUMENT])  # not due: nobody is asked


async def test_without_a_key_nothing_is_asked_where_one_is_needed(tmp_path: Path) -> None:
    """And a market that is not told of stays as its rules are."""
    async with open_replay_database(tmp_path / "a.db") as book:
        brackets = _brackets(book, None)
        await brackets.refresh_due([INSTRUMENT])
        assert brackets.with_brackets(INSTRUMENT) is INSTRUMENT


async def test_an_exchange_that_does_not_answer_is_asked_again_later(tmp_path: Path) -> None:
    """Trouble with brackets is nobody's trouble."""

    class Silent:
        client = None

        async def read(self, *_: Any, **__: Any) -> Any:
            raise Unavailable("no route to host")

        async def execute(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("nothing is to be ordered")

        def apply_error(self, error: Any, *, priority: Any) -> Any:
            return error

    async with open_replay_database(tmp_path / "a.db") as book:
        brackets = MarginBracketCache(
            tiers_of("bybit"),
            margins=MarginBracketStore(book, "x"),
            api=lambda _: Silent(),
            clock=SystemClock(),
            on_updated=lambda: None,
        )
        await brackets.refresh_due([INSTRUMENT])
        assert brackets.with_brackets(INSTRUMENT) is INSTRUMENT


def test_spot_markets_have_none() -> None:
    """Nothing can be liquidated there."""
    spot = replace(INSTRUMENT, kind=MarketKind.SPOT)
    assert _liquidation(spot) is None


def _liquidation(instrument: Instrument) -> Decimal | None:
    return liquidation_price(
        instrument,
        side=Side.LONG,
        entry=Decimal(100),
        quantity=Decimal(1),
        margin=Decimal(10),
        leverage=10,
    )
