"""Leverage and margin modes change behind the program's back; margins run out; the fund pays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from tests.venue.exchange_clients import BTC, PERP, binance, control, refused, trading
from tests.venue.model import MarginMode
from tests.venue.server import Venue


@asynccontextmanager
async def user_stream(it: Venue, client: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Anna's stream at Binance."""
    key = (await client.fapiPrivatePostListenKey())["listenKey"]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{it.url}/private/ws?listenKey={key}") as socket,
    ):
        while not any(each.key for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        yield socket


async def until(socket: aiohttp.ClientWebSocketResponse, event: str) -> Any:
    """The next event of a kind."""
    while True:
        told = await socket.receive_json(timeout=5)
        if told["e"] == event:
            return told


async def test_the_owner_changes_leverage_and_the_stream_tells() -> None:
    """``ACCOUNT_CONFIG_UPDATE`` for a symbol's leverage and for multi-assets mode."""
    async with trading("binance") as (it, client), user_stream(it, client) as socket:
        await control(it, "set_leverage", key="anna", symbol=BTC, leverage=3)
        assert (await until(socket, "ACCOUNT_CONFIG_UPDATE"))["ac"] == {"s": BTC, "l": 3}
        await control(it, "set_multi_assets", key="anna", multi=True)
        assert (await until(socket, "ACCOUNT_CONFIG_UPDATE"))["ai"] == {"j": True}
        await control(it, "set_margin_mode", key="anna", symbol=BTC, mode="isolated")
        update = await until(socket, "ACCOUNT_UPDATE")
        assert (update["a"]["m"], update["a"]["P"][0]["mt"]) == ("MARGIN_TYPE_CHANGE", "isolated")
        assert (await client.fetch_leverage(PERP))["longLeverage"] == 3


async def test_what_is_behind_an_isolated_position_is_its_own() -> None:
    """It leaves the free balance with the fill, can be added to, and is never more than lost."""
    async with trading("binance") as (it, client):
        await client.set_margin_mode("isolated", PERP)
        await client.set_leverage(10, PERP)
        await client.create_order(PERP, "market", "buy", "0.1")
        [position] = await client.fetch_positions([PERP])
        assert Decimal(position["collateral"] or position["initialMargin"]) == 500
        ask = {"symbol": BTC, "amount": "100", "type": 1}
        await client.fapiPrivatePostPositionMargin(ask)
        anna = it.engine.accounts["anna"]
        assert anna.position(BTC).margin == 600
        it.engine.switches.liquidates = True
        it.engine.set_price(BTC, Decimal(30_000))
        assert anna.held(BTC) == 0
        assert Decimal(10_000) - anna.wallet == 600 + Decimal("2.5")
        assert it.engine.insurance < 0, "the rest of the loss is the fund's"


async def test_leverage_is_not_lowered_where_documents_forbid_it() -> None:
    """-4161 behind an isolated position, -2028 without the margin; OKX wants its stops gone."""
    async with trading("binance") as (it, client):
        it.engine.switches.strict_leverage = True
        await client.create_order(PERP, "market", "buy", "3")
        assert "-2028" in await refused(client.set_leverage(2, PERP))
        it.engine.close_by_hand("anna", BTC)
        await client.set_margin_mode("isolated", PERP)
        await client.create_order(PERP, "market", "buy", "0.1")
        assert "-4161" in await refused(client.set_leverage(2, PERP))
    async with trading("okx") as (it, client):
        await control(it, "switch", strict_leverage=True)
        await client.create_order(PERP, "market", "buy", "1")
        await client.create_order(
            PERP, "market", "sell", "1", None, {"stopLossPrice": "49000", "reduceOnly": True}
        )
        text = await refused(client.set_leverage(5, PERP, {"marginMode": "cross"}))
        assert "59669" in text


async def test_a_position_may_be_too_large_for_its_leverage() -> None:
    """-2027: 125x is for the first bracket only."""
    async with trading("binance") as (it, client):
        it.engine.switches.limits_positions = True
        await client.set_leverage(125, PERP)
        assert "-2027" in await refused(client.create_order(PERP, "market", "buy", "7"))
        await client.create_order(PERP, "market", "buy", "5")


async def test_a_cross_account_is_liquidated_by_its_brackets() -> None:
    """At the maintenance margin and not before; entries are cancelled, and the stream tells."""
    async with trading("binance") as (it, client), user_stream(it, client) as socket:
        it.engine.switches.liquidates = True
        await client.create_order(PERP, "market", "buy", "1")
        await client.create_order("ETH/USDT:USDT", "limit", "buy", "0.1", "2000")
        row = (await client.fapiPrivateV2GetPositionRisk({"symbol": BTC}))[0]
        price = Decimal(row["liquidationPrice"])
        assert Decimal(40_000) < price < 41_000
        it.engine.set_price(BTC, (price + 200).quantize(Decimal("0.1")))
        anna = it.engine.accounts["anna"]
        assert anna.held(BTC) == 1
        it.engine.set_price(BTC, (price - 1).quantize(Decimal("0.1")))
        assert anna.held(BTC) == 0
        assert 0 <= anna.wallet < 400
        assert (await until(socket, "MARGIN_CALL"))["p"][0]["s"] == BTC
        forced = await until(socket, "ORDER_TRADE_UPDATE")
        while not forced["o"]["c"].startswith("autoclose-") or forced["o"]["x"] == "NEW":
            forced = await until(socket, "ORDER_TRADE_UPDATE")
        assert (forced["o"]["o"], forced["o"]["x"]) == ("LIQUIDATION", "CALCULATED")
        [note] = await client.fapiPrivateGetForceOrders({"autoCloseType": "LIQUIDATION"})
        assert note["clientOrderId"].startswith("autoclose-")
        kinds = {row["incomeType"] for row in await client.fapiPrivateGetIncome()}
        assert "INSURANCE_CLEAR" in kinds


@pytest.mark.parametrize("dialect", ["binance", "bybit", "okx"])
async def test_the_exchange_can_take_a_part_of_a_winning_position(dialect: str) -> None:
    """Auto-deleveraging: nobody has asked for that order."""
    async with trading(dialect) as (it, client):
        await client.create_order(PERP, "market", "buy", "2" if dialect == "okx" else "0.02")
        symbol = it.dialect.market_id("BTC")
        await control(it, "deleverage", key="anna", symbol=symbol, quantity="0.01", price="50500")
        assert it.engine.accounts["anna"].held(symbol) == Decimal("0.01")
        match dialect:
            case "binance":
                [row] = await client.fapiPrivateGetForceOrders({"autoCloseType": "ADL"})
                assert (row["clientOrderId"], row["avgPrice"]) == ("adl_autoclose", "50500.00000")
            case "bybit":
                listed = await client.private_get_v5_execution_list({"category": "linear"})
                assert listed["result"]["list"][0]["execType"] == "AdlTrade"
            case _:
                row = (await client.private_get_trade_fills())["data"][0]
                assert row["tradeId"].startswith("-")
                assert (row["execType"], row["subType"]) == ("", "128")


async def test_an_isolated_position_is_liquidated_for_itself() -> None:
    """The other positions and the wallet stay."""
    async with trading("binance") as (it, client):
        anna = it.engine.accounts["anna"]
        it.engine.set_margin_mode(anna, "ETHUSDT", MarginMode.ISOLATED)
        await client.create_order("ETH/USDT:USDT", "market", "buy", "1")
        await client.create_order(PERP, "market", "buy", "0.01")
        await control(it, "switch", liquidates=True)
        await control(it, "set_price", symbol="ETHUSDT", price="2380")
        assert (anna.held("ETHUSDT"), anna.held(BTC)) == (Decimal(0), Decimal("0.01"))
        assert anna.wallet > 9_870


async def test_v3_lists_symbols_with_open_orders_too() -> None:
    """ "Only symbol that has position or open orders will be returned" (as documented only)."""
    async with trading("binance") as (it, client):
        it.engine.switches.windows = True
        await client.create_order(PERP, "limit", "buy", "0.01", "40000")
        rows = (await binance(it, "GET", "/fapi/v3/positionRisk")).body
        assert [(row["symbol"], row["positionAmt"]) for row in rows] == [(BTC, "0")]
