"""Old orders and trades are told in the windows and pages, and for as long, as documents say."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.venue.exchange_clients import BTC, PERP, SPOT, refused, trading
from tests.venue.server import Venue

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


async def traded(it: Venue, client: Any, symbol: str, days: int, amount: str) -> None:
    """One purchase a day, the last one today."""
    for _ in range(days):
        await client.create_order(symbol, "market", "buy", amount)
        it.engine.age(DAY_MS)
    await client.create_order(symbol, "market", "buy", amount)


async def test_binance_trades_come_a_week_at_once() -> None:
    """Without a start the last seven days; with one the seven days after it, whatever is newer."""
    async with trading("binance") as (it, client):
        it.engine.switches.windows = True
        await traded(it, client, PERP, 20, "0.01")
        recent = await client.fapiPrivateGetUserTrades({"symbol": BTC})
        assert len(recent) == 7
        start = it.engine.now_ms() - 20 * DAY_MS - HOUR_MS
        week = await client.fapiPrivateGetUserTrades({"symbol": BTC, "startTime": start})
        assert len(week) == 7
        assert int(week[-1]["time"]) < it.engine.now_ms() - 12 * DAY_MS
        wide = {"symbol": BTC, "startTime": start, "endTime": start + 8 * DAY_MS}
        assert "-4166" in await refused(client.fapiPrivateGetUserTrades(wide))
        mixed = {"symbol": BTC, "startTime": start, "fromId": week[0]["id"]}
        assert "-1128" in await refused(client.fapiPrivateGetUserTrades(mixed))
        by_id = await client.fapiPrivateGetUserTrades({"symbol": BTC, "fromId": week[0]["id"]})
        assert len(by_id) == 21
        old = client.fapiPrivateGetUserTrades({"symbol": BTC, "orderId": week[0]["orderId"]})
        assert await old == [], "an order's id does not reach beyond the week either"


async def test_binance_cuts_pages_at_a_thousand_trades() -> None:
    """The oldest from a start, the newest without one."""
    async with trading("binance") as (it, client):
        it.engine.switches.windows = True
        await client.create_order(PERP, "market", "buy", "0.01")
        anna = it.engine.accounts["anna"]
        first = anna.trades[0]
        anna.trades += [replace(first, id=first.id + n) for n in range(1, 1_500)]
        newest = await client.fapiPrivateGetUserTrades({"symbol": BTC, "limit": 1000})
        oldest = await client.fapiPrivateGetUserTrades(
            {"symbol": BTC, "limit": 1000, "startTime": first.at_ms}
        )
        assert int(newest[-1]["id"]) == first.id + 1_499
        assert (len(oldest), int(oldest[0]["id"])) == (1_000, first.id)
        over = client.fapiPrivateGetUserTrades({"symbol": BTC, "limit": 1001})
        assert "-1130" in await refused(over)


async def test_binance_forgets_orders() -> None:
    """Unfilled ones that have ended after three days, all others after ninety."""
    async with trading("binance") as (it, client):
        it.engine.switches.windows = True
        gone = await client.create_order(PERP, "limit", "buy", "0.01", "40000")
        await client.cancel_order(gone["id"], PERP)
        done = await client.create_order(PERP, "market", "buy", "0.01")
        stop = {"stopLossPrice": "49000", "reduceOnly": True}
        algo = await client.create_order(PERP, "market", "sell", "0.01", None, stop)
        await client.cancel_order(algo["id"], PERP, {"trigger": True})
        it.engine.age(3 * DAY_MS + HOUR_MS)
        assert "-2013" in await refused(client.fetch_order(gone["id"], PERP))
        assert "-2013" in await refused(client.fetch_order(algo["id"], PERP, {"trigger": True}))
        assert (await client.fetch_order(done["id"], PERP))["status"] == "closed"
        assert [each["id"] for each in await client.fetch_orders(PERP)] == [done["id"]]
        it.engine.age(87 * DAY_MS)
        assert "-2013" in await refused(client.fetch_order(done["id"], PERP))


async def test_binance_spot_has_days_instead_of_weeks() -> None:
    """A day at once; only some parameters go together; ninety days for what never filled."""
    async with trading("binance_spot") as (it, client):
        it.engine.switches.windows = True
        await traded(it, client, SPOT, 3, "0.001")
        assert len(await client.private_get_mytrades({"symbol": BTC})) == 4
        start = it.engine.now_ms() - 3 * DAY_MS - HOUR_MS
        day = await client.private_get_mytrades({"symbol": BTC, "startTime": start})
        assert len(day) == 1
        wide = {"symbol": BTC, "startTime": start, "endTime": start + DAY_MS + 1}
        assert "-1127" in await refused(client.private_get_mytrades(wide))
        mixed = {"symbol": BTC, "startTime": start, "orderId": day[0]["orderId"]}
        assert "-1128" in await refused(client.private_get_mytrades(mixed))
        gone = await client.create_order(SPOT, "limit", "buy", "0.001", "40000")
        await client.cancel_order(gone["id"], SPOT)
        it.engine.age(91 * DAY_MS)
        assert "-2026" in await refused(client.fetch_order(gone["id"], SPOT))


async def test_bybit_executions_come_a_week_at_once_and_by_cursor() -> None:
    """Newest first, a hundred rows at most; an order's id ignores the window."""
    async with trading("bybit") as (it, client):
        it.engine.switches.windows = True
        first = await client.create_order(PERP, "market", "buy", "0.01")
        it.engine.age(20 * DAY_MS)
        for _ in range(103):
            await client.create_order(PERP, "market", "buy", "0.001")
        asked: dict[str, Any] = {"category": "linear", "limit": "200"}
        page = (await client.private_get_v5_execution_list(asked))["result"]
        assert len(page["list"]) == 100
        rest = {**asked, "cursor": page["nextPageCursor"]}
        left = (await client.private_get_v5_execution_list(rest))["result"]
        assert (len(left["list"]), left["nextPageCursor"]) == (3, "")
        begin = it.engine.now_ms() - 21 * DAY_MS
        week = {**asked, "startTime": begin}
        old = (await client.private_get_v5_execution_list(week))["result"]["list"]
        assert [row["orderId"] for row in old] == [first["id"]]
        wide = client.private_get_v5_execution_list({**week, "endTime": begin + 8 * DAY_MS})
        assert "10001" in await refused(wide)
        named = {"category": "linear", "orderId": first["id"]}
        assert len((await client.private_get_v5_execution_list(named))["result"]["list"]) == 1


async def test_bybit_forgets_orders() -> None:
    """Unfilled ones after a day; after a restart of the service the real-time list knows none."""
    async with trading("bybit") as (it, client):
        it.engine.switches.windows = True
        gone = await client.create_order(PERP, "limit", "buy", "0.01", "40000")
        await client.cancel_order(gone["id"], PERP)
        done = await client.create_order(PERP, "market", "buy", "0.01")

        async def told(path: str, **asked: Any) -> list[str]:
            ask = getattr(client, f"private_get_v5_order_{path}")
            answer = await ask({"category": "linear", "symbol": BTC, **asked})
            return [row["orderId"] for row in answer["result"]["list"]]

        assert await told("history") == [done["id"], gone["id"]]
        it.engine.age(DAY_MS + HOUR_MS)
        assert await told("history") == [done["id"]]
        assert await told("realtime", openOnly="1") == [done["id"], gone["id"]]
        it.dialect.restart_service()
        assert await told("realtime", openOnly="1") == []
        it.engine.age(8 * DAY_MS)
        assert await told("history") == []
        begin = it.engine.now_ms() - 10 * DAY_MS
        assert await told("history", startTime=begin) == [done["id"]]


async def test_okx_keeps_fills_three_days_and_cancelled_orders_two_hours() -> None:
    """Older fills are in the history, which wants a kind, a hundred at once."""
    async with trading("okx") as (it, client):
        it.engine.switches.windows = True
        gone = await client.create_order(PERP, "limit", "buy", "1", "40000")
        await client.cancel_order(gone["id"], PERP)
        for _ in range(101):
            await client.create_order(PERP, "market", "buy", "0.1")
        assert (await client.fetch_order(gone["id"], PERP))["status"] == "canceled"
        it.engine.age(2 * HOUR_MS + 60_000)
        assert "51603" in await refused(client.fetch_order(gone["id"], PERP))
        assert len((await client.private_get_trade_fills())["data"]) == 100
        it.engine.age(3 * DAY_MS)
        assert (await client.private_get_trade_fills())["data"] == []
        assert "50014" in await refused(client.private_get_trade_fills_history())
        kind = {"instType": "SWAP"}
        first = (await client.private_get_trade_fills_history(kind))["data"]
        more = {**kind, "after": first[-1]["billId"]}
        second = (await client.private_get_trade_fills_history(more))["data"]
        assert (len(first), len(second)) == (100, 1)
        listed = (await client.private_get_trade_orders_history(kind))["data"]
        assert len(listed) == 100
        it.engine.age(5 * DAY_MS)
        assert (await client.private_get_trade_orders_history(kind))["data"] == []
        archive = (await client.private_get_trade_orders_history_archive(kind))["data"]
        assert len(archive) == 100


@pytest.mark.parametrize("dialect", ["binance", "bybit", "okx"])
async def test_without_the_switch_everything_there_ever_was_is_told(dialect: str) -> None:
    """As suites that do not care about time expect."""
    async with trading(dialect) as (it, client):
        await client.create_order(PERP, "market", "buy", "1")
        it.engine.age(400 * DAY_MS)
        assert len(await client.fetch_my_trades(PERP)) == 1
        assert it.engine.accounts["anna"].trades[0].price == Decimal(50_000)
