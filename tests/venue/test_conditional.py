"""What becomes of conditional orders: triggered, stuck, rejected, expired, filled in part."""

from decimal import Decimal
from typing import Any

import pytest

from tests.venue.exchange_clients import BTC, PERP, control, refused, trading, wait
from tests.venue.matching import Fills

STOP = {"stopLossPrice": "49000", "reduceOnly": True, "clientOrderId": "s1"}
TARGET = {"takeProfitPrice": "51000", "reduceOnly": True, "clientOrderId": "t1"}


async def algo(client: Any, client_id: str) -> Any:
    """The exchange's own words on a conditional order."""
    order = await client.fetch_order("", PERP, {"clientOrderId": client_id, "trigger": True})
    return order["info"]


async def test_a_stop_that_fills_is_finished_and_names_its_order() -> None:
    """NEW, then FINISHED with the id, price and quantity of what it became."""
    async with trading("binance") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.01")
        await client.create_order(PERP, "market", "sell", "0.01", None, STOP)
        assert (await algo(client, "s1"))["algoStatus"] == "NEW"
        it.engine.set_price(BTC, Decimal(48_990))
        told = await algo(client, "s1")
        assert (told["algoStatus"], told["actualPrice"]) == ("FINISHED", "48990.00000")
        actual = await client.fetch_order(told["actualOrderId"], PERP)
        assert (actual["status"], actual["filled"]) == ("closed", "0.01")


async def test_a_stop_with_a_limit_price_can_be_jumped_over() -> None:
    """It has triggered, its order rests above the price, the position is still there."""
    async with trading("binance") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.01")
        await client.create_order(PERP, "limit", "sell", "0.01", "48950", STOP)
        it.engine.set_price(BTC, Decimal(48_000))
        told = await algo(client, "s1")
        assert told["algoStatus"] == "TRIGGERED"
        actual = await client.fetch_order(told["actualOrderId"], PERP)
        assert (actual["status"], actual["filled"]) == ("open", "0")
        assert it.engine.accounts["anna"].held(BTC) == Decimal("0.01")
        assert await client.fetch_open_orders(PERP, None, None, {"trigger": True}) == []
        text = await refused(client.cancel_order("", PERP, {**STOP, "trigger": True}))
        assert "-2011" in text, "what is left to cancel is the order that it became"


async def test_a_stop_can_trigger_and_become_nothing() -> None:
    """Stuck in TRIGGERING: not among open orders, not to be cancelled, the position unguarded.

    Seen at Binance: nautilus_trader discussion 5378.
    """
    async with trading("binance") as (it, client):
        await control(it, "switch", triggers_get_stuck=1)
        await client.create_order(PERP, "market", "buy", "0.01")
        await client.create_order(PERP, "market", "sell", "0.01", None, STOP)
        it.engine.set_price(BTC, Decimal(48_990))
        told = await algo(client, "s1")
        assert (told["algoStatus"], told["actualOrderId"]) == ("TRIGGERING", "")
        assert it.engine.accounts["anna"].held(BTC) == Decimal("0.01")
        assert it.engine.journal.unprotected_s("anna") > 0
        assert await client.fetch_open_orders(PERP, None, None, {"trigger": True}) == []
        assert "-2011" in await refused(client.cancel_order("", PERP, {**STOP, "trigger": True}))


async def test_a_conditional_entry_without_margin_is_rejected_when_it_triggers() -> None:
    """REJECTED; the account is not touched."""
    async with trading("binance") as (it, client):
        entry = {"triggerPrice": "51000", "clientOrderId": "c1"}
        await client.create_order(PERP, "market", "buy", "3", None, entry)
        await control(it, "transfer", key="anna", amount="-9900")
        it.engine.set_price(BTC, Decimal(51_010))
        assert (await algo(client, "c1"))["algoStatus"] == "REJECTED"
        assert it.engine.accounts["anna"].held(BTC) == 0


async def test_what_belongs_to_a_position_expires_with_it() -> None:
    """GTE_GTC and closePosition are EXPIRED by the system; others wait on, and then expire."""
    async with trading("binance") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.01")
        with_it = {**STOP, "timeInForce": "GTE_GTC"}
        await client.create_order(PERP, "market", "sell", "0.01", None, with_it)
        await client.create_order(PERP, "market", "sell", "0.01", None, TARGET)
        it.engine.close_by_hand("anna", BTC)
        assert (await algo(client, "s1"))["algoStatus"] == "EXPIRED"
        assert (await algo(client, "t1"))["algoStatus"] == "NEW"
        it.engine.set_price(BTC, Decimal(51_010))
        assert (await algo(client, "t1"))["algoStatus"] == "EXPIRED"
        assert it.engine.accounts["anna"].held(BTC) == 0
        alone = client.create_order(PERP, "market", "sell", "0.01", None, with_it)
        assert "-4509" in await refused(alone)


@pytest.mark.parametrize("dialect", ["binance", "bybit", "okx"])
async def test_a_target_can_fill_in_part_and_be_cancelled(dialect: str) -> None:
    """The rest of the position is still there, without a target."""
    async with trading(dialect) as (it, client):
        size = "10" if dialect == "okx" else "0.1"
        symbol, anna = it.dialect.market_id("BTC"), it.engine.accounts["anna"]
        await client.create_order(PERP, "market", "buy", size)
        params: dict[str, Any] = {"takeProfitPrice": "51000", "reduceOnly": True}
        await client.create_order(PERP, "market", "sell", size, None, params)
        it.engine.plan_fills(Fills(shares=[Decimal("0.3")], leg="target"))
        it.engine.set_price(symbol, Decimal(51_010))
        [working] = anna.open.values()
        assert (working.filled, anna.held(symbol)) == (Decimal("0.03"), Decimal("0.07"))
        await client.cancel_order(str(working.id), PERP)
        told = await client.fetch_orders(PERP) if dialect == "binance" else []
        assert all(each["status"] in ("closed", "canceled") for each in told)
        assert (working.filled, anna.held(symbol), anna.open) == (
            Decimal("0.03"), Decimal("0.07"), {},
        )  # fmt: skip


async def test_a_plan_can_hit_stops_by_the_control_endpoint() -> None:
    """``leg`` names what triggered: filled in part, the rest expires."""
    async with trading("binance") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.1")
        await client.create_order(PERP, "market", "sell", "0.1", None, STOP)
        await control(it, "plan_fills", leg="stop", shares=["0.5"], pause_s=0, expires=True)
        it.engine.set_price(BTC, Decimal(48_990))
        assert it.engine.accounts["anna"].held(BTC) == Decimal("0.05")
        told = await algo(client, "s1")
        assert told["algoStatus"] in ("TRIGGERED", "FINISHED")


async def test_orders_end_when_their_time_is_over() -> None:
    """GTD, by the exchange's own clock; sooner than ten minutes is refused."""
    async with trading("binance") as (it, client):
        ask = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "40000",
               "timeInForce": "GTD"}  # fmt: skip
        soon = {**ask, "goodTillDate": it.engine.now_ms() + 60_000}
        assert "-1102" in await refused(client.fapiPrivatePostOrder(soon))
        later = {**ask, "goodTillDate": it.engine.now_ms() + 900_000}
        placed = await client.fapiPrivatePostOrder(later)
        await wait(it, client, 901_000)
        told = await client.fapiPrivateGetOrder({"symbol": BTC, "orderId": placed["orderId"]})
        assert told["status"] == "EXPIRED"


async def test_okx_takes_the_stop_and_forgets_the_target_of_one_order() -> None:
    """ "Only stop-loss logic will be performed and take-profit logic will be ignored." """
    async with trading("okx") as (it, client):
        await client.create_order(PERP, "market", "buy", "1")
        ask = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "sell", "sz": "1",
               "ordType": "conditional", "slTriggerPx": "49000", "slOrdPx": "-1",
               "tpTriggerPx": "51000", "tpOrdPx": "-1", "reduceOnly": True}  # fmt: skip
        await client.private_post_trade_order_algo(ask)
        it.engine.set_price("BTC-USDT-SWAP", Decimal(52_000))
        assert it.engine.accounts["anna"].held("BTC-USDT-SWAP") > 0
        it.engine.set_price("BTC-USDT-SWAP", Decimal(48_900))
        assert it.engine.accounts["anna"].held("BTC-USDT-SWAP") == 0


async def test_bybit_sets_stops_of_the_position_and_of_parts_of_it() -> None:
    """The position shows its own; those of a part are orders beside it."""
    async with trading("bybit") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.1")
        full = {"category": "linear", "symbol": BTC, "tpslMode": "Full", "positionIdx": 0,
                "stopLoss": "49000", "takeProfit": "52000"}  # fmt: skip
        await client.private_post_v5_position_trading_stop(full)
        asked = {"category": "linear", "symbol": BTC}
        row = (await client.private_get_v5_position_list(asked))["result"]["list"][0]
        assert (row["stopLoss"], row["takeProfit"]) == ("49000", "52000")
        part = {**full, "tpslMode": "Partial", "stopLoss": "49500", "slSize": "0.04"}
        del part["takeProfit"]
        await client.private_post_v5_position_trading_stop(part)
        assert "34040" in await refused(client.private_post_v5_position_trading_stop(full))
        it.engine.set_price(BTC, Decimal(49_400))
        assert it.engine.accounts["anna"].held(BTC) == Decimal("0.06")
        it.engine.set_price(BTC, Decimal(48_900))
        assert it.engine.accounts["anna"].held(BTC) == 0
        assert it.engine.accounts["anna"].open == {}
