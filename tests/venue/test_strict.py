"""The loopback Bybit and OKX are as strict as the real ones, and ccxt works against them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest
from ccxt import pro

from tests.venue.model import Kind, Side, Ticket
from tests.venue.server import Venue, venue

SYMBOL = "BTC/USDT:USDT"
DIALECTS = ("bybit", "okx")
OPTIONS: dict[str, dict[str, Any]] = {
    "bybit": {"enableUnifiedMargin": False, "enableUnifiedAccount": True},
    "okx": {"createOrder": "privatePostTradeOrder"},
}


@asynccontextmanager
async def account(
    dialect: str, *, kind: Any = ccxt, **more: Any
) -> AsyncIterator[tuple[Venue, Any]]:
    """A running exchange and ccxt's client of one account; ``ccxt.pro``'s has websockets."""
    async with venue(dialect, accounts=["anna", "bert"]) as it:
        options = {**OPTIONS[dialect], "fetchMarkets": {"types": ["spot", _linear(dialect)]}}
        client = getattr(kind, dialect)(
            {**it.ccxt_config(), **it.credentials("anna"), "options": options, **more}
        )
        client.has = {**client.has, "fetchCurrencies": False}  # the daemon asks without keys
        try:
            yield it, client
        finally:
            await client.close()


def _linear(dialect: str) -> str:
    return "linear" if dialect == "bybit" else "swap"


def _amount(it: Venue, coins: str) -> str:
    """A quantity as the exchange counts it."""
    market = it.engine.markets[it.dialect.market_id("BTC")]
    return format(Decimal(coins) / market.contract_size, "f")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_order_is_taken_once_found_and_filled(dialect: str) -> None:
    """By its client id, with its fill and the position it made."""
    async with account(dialect) as (it, client):
        amount = _amount(it, "0.02")
        placed = await client.create_order(
            SYMBOL, "market", "buy", amount, None, {"clientOrderId": "a" * 32}
        )
        assert placed["id"]
        (position,) = await client.fetch_positions([SYMBOL])
        assert Decimal(str(position["contracts"])) == Decimal(amount)
        (trade,) = await client.fetch_my_trades(SYMBOL)
        assert trade["order"] == placed["id"]
        assert it.engine.accounts["anna"].held(it.dialect.market_id("BTC")) == Decimal("0.02")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_client_id_is_taken_once_for_good(dialect: str) -> None:
    """Also after the first order has filled."""
    async with account(dialect) as (it, client):
        order = (SYMBOL, "market", "buy", _amount(it, "0.02"), None)
        await client.create_order(*order, {"clientOrderId": "a" * 32})
        with pytest.raises(ccxt.InvalidOrder):
            await client.create_order(*order, {"clientOrderId": "a" * 32})
        assert it.engine.journal.entries_accepted("anna") == {"a" * 32: 1}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_wrong_secret_is_refused(dialect: str) -> None:
    """Nothing is told, nothing is done."""
    async with account(dialect, secret="another") as (it, client):
        with pytest.raises(ccxt.AuthenticationError):
            await client.create_order(SYMBOL, "market", "buy", _amount(it, "0.02"))
        assert it.engine.journal.lines == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_old_request_is_refused(dialect: str) -> None:
    """A minute is too old for either."""
    async with account(dialect) as (it, client):
        await client.load_markets()
        client.options["timeDifference"] = 60_000
        with pytest.raises(ccxt.InvalidNonce):
            await client.create_order(SYMBOL, "market", "buy", _amount(it, "0.02"))
        assert it.engine.journal.lines == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_costs_more_than_there_is_is_refused(dialect: str) -> None:
    """As a lack of funds, and nothing else."""
    async with account(dialect) as (it, client):
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order(SYMBOL, "market", "buy", _amount(it, "90"))
        assert it.engine.journal.lines == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stop_that_comes_along_lives_with_the_position(dialect: str) -> None:
    """From the moment the entry has filled the position is guarded."""
    params: dict[str, Any] = {"stopLoss": {"triggerPrice": "49000"}, "tpslMode": "Full"}
    if dialect == "okx":
        attached = {"attachAlgoClOrdId": "b" * 32, "slTriggerPx": "49000", "slOrdPx": "-1"}
        params = {"attachAlgoOrds": [attached]}
    async with account(dialect) as (it, client):
        await client.create_order(SYMBOL, "market", "buy", _amount(it, "0.02"), None, params)
        anna, symbol = it.engine.accounts["anna"], it.dialect.market_id("BTC")
        assert [order.ask.kind for order in anna.open.values()] == [Kind.STOP]
        assert it.engine.journal.unprotected_s("anna") < 0.5
        it.engine.set_price(symbol, Decimal(48_900))
        assert anna.held(symbol) == 0
        assert not anna.open


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stop_on_the_wrong_side_is_refused_with_its_entry(dialect: str) -> None:
    """It would trigger at once."""
    params: dict[str, Any] = {"stopLoss": {"triggerPrice": "51000"}, "tpslMode": "Full"}
    if dialect == "okx":
        attached = {"attachAlgoClOrdId": "b" * 32, "slTriggerPx": "51000", "slOrdPx": "-1"}
        params = {"attachAlgoOrds": [attached]}
    async with account(dialect) as (it, client):
        with pytest.raises(ccxt.ExchangeError):
            await client.create_order(SYMBOL, "market", "buy", _amount(it, "0.02"), None, params)
        assert it.engine.journal.lines == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_candles_are_told_newest_last(dialect: str) -> None:
    """ccxt puts them in order; a span is kept to."""
    async with account(dialect) as (it, client):
        symbol, price = it.dialect.market_id("BTC"), Decimal(50_000)
        for minute in range(5):
            it.engine.push_candle(
                symbol, "1m", 1_700_000_040_000 + minute * 60_000, price, price, price, price
            )
        rows = await client.fetch_ohlcv(SYMBOL, "1m", 1_700_000_100_000, 3)
        assert [row[0] for row in rows] == [
            1_700_000_100_000, 1_700_000_160_000, 1_700_000_220_000,
        ]  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_orders_are_told_to_who_has_signed_in(dialect: str) -> None:
    """And nobody hears of another's."""
    async with account(dialect, kind=pro) as (it, client), asyncio.timeout(10):
        heard = asyncio.create_task(client.watch_orders())
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        for key in ("bert", "anna"):
            it.engine.place_foreign(
                key,
                Ticket(
                    client_id="", symbol=it.dialect.market_id("BTC"), side=Side.BUY,
                    kind=Kind.LIMIT, quantity=Decimal("0.02"), price=Decimal(49_000),
                ),
            )  # fmt: skip
        (order,) = await heard
        assert int(order["id"]) in it.engine.accounts["anna"].orders
        assert (order["status"], order["side"]) == ("open", "buy")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_signs_in_with_a_wrong_secret(dialect: str) -> None:
    """Neither to a stream."""
    async with (
        account(dialect, kind=pro, secret="another") as (_, client), asyncio.timeout(10),
    ):  # fmt: skip
        with pytest.raises((ccxt.AuthenticationError, ccxt.ExchangeError)):
            await client.watch_orders()
