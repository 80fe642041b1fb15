"""Requests without an answer: the order is there, is not, or comes when nobody waits any more."""

import asyncio
from typing import Any

import ccxt.async_support as ccxt
import pytest

from tests.venue.exchange_clients import BTC, PERP, binance, control, trading
from tests.venue.faults import Delay, Hang, Postpone, Rule
from tests.venue.server import Venue

ORDER: dict[str, Any] = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01",
         "newClientOrderId": "e1"}  # fmt: skip


def entries(it: Venue) -> dict[str, int]:
    return it.engine.journal.entries_accepted("anna")


async def test_an_answer_is_withheld_while_the_order_fills() -> None:
    """The book knows it at once, the client later."""
    async with trading("binance") as (it, client):
        it.faults.add(Rule(leg="entry", does=(Delay(seconds=0.4, after=True),)))
        waiting = asyncio.create_task(client.create_order(PERP, "market", "buy", "0.01"))
        await asyncio.sleep(0.2)
        assert it.engine.accounts["anna"].held(BTC) > 0
        assert not waiting.done()
        assert (await waiting)["status"] == "closed"


async def test_a_connection_is_accepted_and_never_answered() -> None:
    """And nothing has happened."""
    async with trading("binance") as (it, client):
        it.faults.add(Rule(leg="entry", does=(Hang(before=True),)))
        client.timeout = 300
        with pytest.raises(ccxt.RequestTimeout):
            await client.create_order(PERP, "market", "buy", "0.01")
        assert entries(it) == {}


@pytest.mark.parametrize("dialect", ["binance", "bybit", "okx"])
async def test_an_order_comes_into_being_after_its_client_has_given_up(dialect: str) -> None:
    """Every look meanwhile says there is none."""
    async with trading(dialect) as (it, client):
        it.faults.add(Rule(leg="entry", does=(Postpone(seconds=0.6),)))
        client.timeout = 300
        params = {"clientOrderId": "e1"}
        with pytest.raises(ccxt.RequestTimeout):
            await client.create_order(PERP, "market", "buy", "1", None, params)
        assert entries(it) == {}
        await asyncio.sleep(0.5)
        assert entries(it) == {"e1": 1}


@pytest.mark.parametrize("status", [502, 504])
async def test_a_server_error_can_come_before_its_order(status: int) -> None:
    """The answer is there at once, what it speaks of later."""
    async with trading("binance") as (it, _):
        does = [{"kind": "postpone", "seconds": 0.2, "status": status}]
        await control(it, "fault", leg="entry", does=does)
        assert (await binance(it, "POST", "/fapi/v1/order", **ORDER)).status == status
        assert entries(it) == {}
        await asyncio.sleep(0.4)
        assert entries(it) == {"e1": 1}


async def test_what_comes_too_late_can_be_looked_at_once_more() -> None:
    """As documents say of the validity of a request: then it never takes effect."""
    async with trading("binance") as (it, _):
        it.faults.add(Rule(leg="entry", does=(Postpone(seconds=0.5, status=504, accepted=False),)))
        late = await binance(it, "POST", "/fapi/v1/order", **ORDER, recvWindow=200)
        assert late.status == 504
        await asyncio.sleep(0.7)
        assert entries(it) == {}


async def test_okx_never_carries_out_what_has_expired() -> None:
    """``expTime`` holds for however long a request is on its way."""
    async with trading("okx") as (it, client):
        it.faults.add(Rule(leg="entry", does=(Postpone(seconds=0.5, status=504),)))
        client.headers = {"expTime": str(it.engine.now_ms() + 200)}
        with pytest.raises(ccxt.BaseError):
            await client.create_order(PERP, "market", "buy", "1")
        await asyncio.sleep(0.7)
        assert entries(it) == {}
        with pytest.raises(ccxt.BaseError, match="50037"):
            await client.create_order(PERP, "market", "buy", "1")


async def test_any_endpoint_can_hang_at_a_rate() -> None:
    """One in so many, the same ones for the same seed."""
    async with trading("binance") as (it, _):
        struck = []
        for _ in range(2):
            it.faults.clear()
            it.faults.add(Rule(path="/balance$", does=(Hang(),), times=-1, chance=0.3, seed=2))
            answered = 0
            for _ in range(10):
                try:
                    await binance(it, "GET", "/fapi/v2/balance", timeout_s=0.15)
                    answered += 1
                except TimeoutError:
                    continue
            struck.append(answered)
        assert struck[0] == struck[1]
        assert 3 < struck[0] < 10
