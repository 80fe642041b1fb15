"""Answers that are none, old lists, late lists and lists with holes: on demand, for reads only."""

import asyncio
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest

from tests.venue.corrupt_responses import Junk
from tests.venue.exchange_clients import BTC, PERP, binance, client_of, control, trading
from tests.venue.faults import RepeatPage, Rule, Spoil, Stale, Thin

OPEN, TRADES = "/fapi/v1/openOrders", "/fapi/v1/userTrades"


@pytest.mark.parametrize("how", list(Junk))
async def test_any_junk_can_come_instead_of_an_answer(how: Junk) -> None:
    """Once, to one account; then the truth again."""
    async with trading("binance") as (it, _):
        it.faults.add(Rule(reads=True, path="/openOrders$", key="anna", does=(Spoil(how=(how,)),)))
        assert (await binance(it, "GET", OPEN, key="bert")).body == []
        answer = await binance(it, "GET", OPEN)
        expected = {"empty": "", "half": "[", "list": "[]", "object": "{}", "null": "null",
                    "string": '"temporarily unavailable"'}  # fmt: skip
        if how.value in expected:
            assert (answer.status, answer.text) == (200, expected[how.value])
        else:
            assert answer.text.startswith("<!DOCTYPE html>")
            assert answer.status == (200 if how is Junk.HTML else int(how.value))
        assert (await binance(it, "GET", OPEN)).body == []


@pytest.mark.parametrize("dialect", ["binance", "bybit", "okx"])
@pytest.mark.parametrize("how", [Junk.HTTP_524, Junk.EMPTY, Junk.HTML, Junk.OBJECT])
async def test_ccxt_takes_junk_for_no_positions(dialect: str, how: Junk) -> None:
    """What makes these faults dangerous: no error, and a list that says nothing is held."""
    async with trading(dialect) as (it, client):
        await client.create_order(PERP, "market", "buy", "1" if dialect == "okx" else "0.01")
        it.faults.add(Rule(reads=True, path="osition", does=(Spoil(how=(how,)),)))
        try:
            seen = await client.fetch_positions([PERP])
        except (ccxt.BaseError, TypeError, AttributeError):  # some parsers stumble over some junk
            seen = []
        assert seen == []
        assert len(await client.fetch_positions([PERP])) == 1


@pytest.mark.parametrize(
    ("dialect", "inside", "how"),
    [("bybit", "result", Junk.OBJECT), ("bybit", "result", Junk.NULL), ("bybit", "rows", Junk.NULL),
     ("okx", "data", Junk.LIST), ("okx", "data", Junk.NULL), ("okx", "rows", Junk.STRING)],
)  # fmt: skip
async def test_junk_can_stand_inside_a_true_envelope(dialect: str, inside: str, how: Junk) -> None:
    """The code says all is well; what is due is not there."""
    async with trading(dialect) as (it, client):
        ask = (
            client.private_get_v5_order_realtime if dialect == "bybit"
            else client.private_get_trade_orders_pending
        )  # fmt: skip
        asked = {"category": "linear", "symbol": BTC} if dialect == "bybit" else {}
        it.faults.add(Rule(reads=True, does=(Spoil(how=(how,), inside=inside),)))
        body = await ask(asked)
        assert body.get("retCode", body.get("code")) in (0, "0")
        junk: Any = {Junk.OBJECT: {}, Junk.NULL: None, Junk.LIST: [],
                Junk.STRING: "temporarily unavailable"}[how]  # fmt: skip
        where = body["result"]["list"] if (dialect, inside) == ("bybit", "rows") else body[
            "result" if dialect == "bybit" else "data"
        ]  # fmt: skip
        assert where == junk


async def test_a_list_can_be_as_it_was_some_time_ago() -> None:
    """What is open now is not there yet, what was closed still is; the order itself is known."""
    async with trading("binance") as (it, client):
        first = await client.create_order(PERP, "limit", "buy", "0.01", "40000")
        it.faults.add(Rule(path="/openOrders$", does=(Stale(seconds=0.3),), times=-1))
        await asyncio.sleep(0.35)
        await client.cancel_order(first["id"], PERP)
        second = await client.create_order(PERP, "limit", "buy", "0.01", "41000")
        assert [each["id"] for each in await client.fetch_open_orders(PERP)] == [first["id"]]
        assert (await client.fetch_order(second["id"], PERP))["status"] == "open"
        await asyncio.sleep(0.35)
        assert [each["id"] for each in await client.fetch_open_orders(PERP)] == [second["id"]]


async def test_endpoints_can_lag_each_by_its_own_time() -> None:
    """A position is told late while its trade is told at once; writes act on the present."""
    async with trading("binance") as (it, client):
        await control(it, "fault", path="/positionRisk$", times=-1,
                      does=[{"kind": "stale", "seconds": 60}])  # fmt: skip
        await client.create_order(PERP, "market", "buy", "0.01")
        assert await client.fetch_positions([PERP]) == []
        assert len(await client.fetch_my_trades(PERP)) == 1
        await client.create_order(PERP, "market", "sell", "0.01", None, {"reduceOnly": True})
        assert it.engine.accounts["anna"].held(BTC) == 0


async def test_fills_can_be_told_seconds_after_their_order() -> None:
    """The order says filled, the list of trades knows nothing of it."""
    async with trading("binance") as (it, client):
        it.faults.add(Rule(path="/userTrades$", does=(Stale(seconds=0.4),), times=-1))
        order = await client.create_order(PERP, "market", "buy", "0.01")
        assert order["filled"] == "0.01"
        assert await client.fetch_my_trades(PERP) == []
        await asyncio.sleep(0.5)
        assert len(await client.fetch_my_trades(PERP)) == 1


async def test_a_list_can_lack_rows_by_a_seed() -> None:
    """The same ones for the same seed."""
    async with trading("binance") as (it, client):
        for price in range(40_000, 40_010):
            await client.create_order(PERP, "limit", "buy", "0.01", str(price))
        seen = []
        for _ in range(2):
            it.faults.clear()
            it.faults.add(Rule(path="/openOrders$", does=(Thin(keep=0.5),), seed=3))
            seen.append([each["id"] for each in await client.fetch_open_orders(PERP)])
        assert seen[0] == seen[1]
        assert 0 < len(seen[0]) < 10
        assert len(await client.fetch_open_orders(PERP)) == 10


async def test_a_page_can_come_twice() -> None:
    """The second one has the rows of the first, under its own cursor."""
    async with trading("bybit") as (it, client):
        for price in range(40_000, 40_005):
            await client.create_order(PERP, "limit", "buy", "0.01", str(price))
        it.faults.add(Rule(path="/order/realtime$", does=(RepeatPage(),), times=2))
        asked = {"category": "linear", "symbol": BTC, "limit": "2"}
        first = (await client.private_get_v5_order_realtime(asked))["result"]
        asked["cursor"] = first["nextPageCursor"]
        again = (await client.private_get_v5_order_realtime(asked))["result"]
        true = (await client.private_get_v5_order_realtime(asked))["result"]
        assert again["list"] == first["list"] != true["list"]
        assert again["nextPageCursor"] == true["nextPageCursor"] != first["nextPageCursor"]


async def test_faults_strike_by_chance_for_a_time_and_never_orders() -> None:
    """The same requests for the same seed; after the time is over none."""
    async with trading("binance") as (it, client):
        struck = []
        for _ in range(2):
            it.faults.clear()
            it.faults.add(Rule(reads=True, does=(Spoil(how=(Junk.HTTP_520, Junk.HTTP_530)),),
                               times=-1, chance=0.5, seed=11, for_s=30))  # fmt: skip
            struck.append([(await binance(it, "GET", OPEN)).status for _ in range(12)])
        assert struck[0] == struck[1]
        assert set(struck[0]) == {200, 520, 530}
        it.faults.clear()
        it.faults.add(Rule(reads=True, does=(Spoil(how=(Junk.HTTP_520,)),), times=-1, for_s=0.2))
        await client.create_order(PERP, "market", "buy", "0.01")
        await asyncio.sleep(0.25)
        assert (await binance(it, "GET", OPEN)).status == 200
        assert it.engine.accounts["anna"].held(BTC) == Decimal("0.01")


async def test_the_control_endpoint_spoils_too() -> None:
    """By kind of junk, chance and seed; any junk when none is named."""
    async with trading("binance") as (it, _):
        does = [{"kind": "spoil", "how": ["null"]}]
        await control(it, "fault", reads=True, path="/openOrders$", does=does)
        assert (await binance(it, "GET", OPEN)).text == "null"
        await control(it, "fault", reads=True, does=[{"kind": "spoil"}], seed=5)
        await binance(it, "GET", OPEN)
        other = client_of(it, "binance", "bert")
        await other.close()
