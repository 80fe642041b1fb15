"""What a test scripts to go wrong goes wrong so: seen from a client, and from the book."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

from tests.venue.faults import (
    Action,
    Ban,
    Cut,
    Delay,
    Drop,
    Hang,
    Hide,
    Refuse,
    Reply,
    Rule,
    Unlist,
)
from tests.venue.http_wire import Trouble
from tests.venue.model import Reason
from tests.venue.server import Venue, venue
from tests.venue.streams import Slip, StreamRule

SYMBOL = "BTC/USDT:USDT"
MARKET = "BTCUSDT"
GONE = (ccxt.ExchangeNotAvailable, ccxt.RequestTimeout)


@pytest.fixture
async def it() -> AsyncIterator[Venue]:
    """A running Binance with one account, alice."""
    async with venue("binance", accounts=["alice"]) as running:
        yield running


@pytest.fixture
async def api(it: Venue) -> AsyncIterator[Any]:
    """A client of ccxt that gives up after half a second."""
    client = ccxt.binanceusdm(
        {**it.credentials("alice"), **it.ccxt_config(), "enableRateLimit": False,
         "options": {"fetchCurrencies": False}}
    )  # fmt: skip
    await client.load_markets()
    client.timeout = 500
    yield client
    await client.close()


async def enter(api: Any, client_id: str = "e1") -> Any:
    return await api.create_order(SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": client_id})


def accepted(it: Venue) -> dict[str, int]:
    return it.engine.journal.entries_accepted("alice")


@pytest.mark.parametrize(
    "act", [Hang(), Drop(), Cut(), Reply(status=502, body="<html>", after=True)]
)
async def test_an_answer_can_be_lost_after_the_order_was_accepted(
    it: Venue, api: Any, act: Action
) -> None:
    """The client knows nothing, the order lives and is found."""
    it.faults.add(Rule(leg="entry", does=(act,)))
    with pytest.raises(ccxt.BaseError):
        await enter(api)
    assert accepted(it) == {"e1": 1}
    assert (await api.fetch_order("", SYMBOL, {"clientOrderId": "e1"}))["filled"] == 0.01


@pytest.mark.parametrize("act", [Hang(before=True), Drop(before=True), Reply(status=503)])
async def test_a_request_can_be_lost_before_the_order_was_accepted(
    it: Venue, api: Any, act: Action
) -> None:
    """It looks the same to the client; there is no order."""
    it.faults.add(Rule(leg="entry", does=(act,)))
    with pytest.raises(GONE):
        await enter(api)
    assert accepted(it) == {}


@pytest.mark.parametrize("body", ["{}", "", "<html>oops</html>", '{"orderId": 12'])
async def test_a_200_can_say_nothing(it: Venue, api: Any, body: str) -> None:
    """ccxt takes it for an order without an id: no error, no id, and the order lives."""
    it.faults.add(Rule(leg="entry", does=(Reply(body=body, after=True),)))
    assert (await enter(api))["id"] is None
    assert accepted(it) == {"e1": 1}


async def test_an_answer_can_be_cut_under_an_honest_length(it: Venue, api: Any) -> None:
    """Broken JSON in a complete response: again an order without an id."""
    it.faults.add(Rule(leg="entry", does=(Cut(honest=True),)))
    assert (await enter(api))["id"] is None


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (Reason.WOULD_TRIGGER, "-2021"),
        (Reason.MARGIN, "-2019"),
        (Reason.NOTIONAL, "-4164"),
        (Trouble.BAD_KEY, "-2015"),
        (Trouble.CLOCK, "-1021"),
        (Trouble.UNKNOWN_OUTCOME, "-1007"),
        (Trouble.OVERLOADED, "-1008"),
    ],
)
async def test_a_refusal_can_be_ordered(
    it: Venue, api: Any, why: Reason | Trouble, code: str
) -> None:
    """In the exchange's own words; nothing is accepted."""
    it.faults.add(Rule(leg="entry", does=(Refuse(why=why),)))
    with pytest.raises(ccxt.BaseError, match=code):
        await enter(api)
    assert accepted(it) == {}


async def test_an_order_can_be_hidden_for_a_while(it: Venue, api: Any) -> None:
    """Every look says there is none, though it has filled; then it appears."""
    it.faults.add(Rule(leg="entry", does=(Hide(seconds=0.3), Hang())))
    with pytest.raises(ccxt.RequestTimeout):
        await enter(api)
    assert accepted(it) == {"e1": 1}
    it.faults.add(Rule(leg="entry", does=(Hide(seconds=30),)))
    await enter(api, "e2")
    with pytest.raises(ccxt.BaseError, match="-2013"):
        await api.fetch_order("", SYMBOL, {"clientOrderId": "e2"})
    assert (await api.fetch_order("", SYMBOL, {"clientOrderId": "e1"}))["filled"] == 0.01


async def test_a_stop_can_live_without_ever_being_listed(it: Venue, api: Any) -> None:
    """No read tells of it; it triggers all the same."""
    await enter(api)
    it.faults.add(Rule(leg="stop", does=(Unlist(),), times=-1))
    await api.create_order(
        SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": 49_000, "reduceOnly": True}
    )
    assert await api.fetch_open_orders(SYMBOL, None, None, {"trigger": True}) == []
    it.engine.set_price(MARKET, Decimal(48_999))
    assert it.engine.accounts["alice"].held(MARKET) == 0


async def test_a_rule_strikes_from_its_nth_request_so_many_times(it: Venue, api: Any) -> None:
    """And only those that fit it."""
    rule = it.faults.add(
        Rule(key="alice", client_id="^e", method="POST", path="/order$", nth=2, times=1,
             does=(Drop(),))
    )  # fmt: skip
    await enter(api, "e1")
    await enter(api, "other")
    with pytest.raises(GONE):
        await enter(api, "e2")
    await enter(api, "e3")
    assert rule.hits == 3


async def test_an_answer_can_be_late(it: Venue, api: Any) -> None:
    """Later than the client waits."""
    it.faults.add(Rule(leg="entry", does=(Delay(seconds=0.8, after=True),)))
    with pytest.raises(ccxt.RequestTimeout):
        await enter(api)
    assert accepted(it) == {"e1": 1}


@pytest.mark.parametrize("status", [429, 418])
async def test_whoever_asks_during_a_ban_is_noted(it: Venue, api: Any, status: int) -> None:
    """Retry-After is told; every further request is refused and counted until it is over."""
    it.faults.add(Rule(does=(Ban(seconds=0.4, status=status),)))
    with pytest.raises(ccxt.DDoSProtection):
        await enter(api)
    assert api.last_response_headers["Retry-After"] == "1"
    assert it.faults.violations == []
    with pytest.raises(ccxt.DDoSProtection):
        await api.fetch_balance()
    [violation] = it.faults.violations
    assert violation.path.endswith("/account")
    assert it.faults.violations_after(0.3) == []
    await asyncio.sleep(0.5)
    await enter(api)
    assert len(it.faults.violations) == 1


async def test_the_weight_of_a_minute_can_be_limited(it: Venue, api: Any) -> None:
    """Like the real one: 429 once an address has used it up."""
    it.limits_weight = True
    it.counts.weights.clear()

    async def insist() -> None:
        for _ in range(200):
            await api.fapiPrivateGetPositionSideDual()

    with pytest.raises(ccxt.DDoSProtection):
        await insist()
    asked = it.counts.of("GET", "positionSide/dual", "alice")
    assert 81 <= asked <= 161, "30 of 2400 each, and a minute may have ended meanwhile"


# --- streams --------------------------------------------------------------------------------


@pytest.fixture
async def socket(it: Venue) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection that listens to the candles of a minute."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{it.url}/market/ws") as connected,
    ):
        topics = ["btcusdt@kline_1m"]
        await connected.send_json({"method": "SUBSCRIBE", "params": topics, "id": 1})
        await connected.receive_json(timeout=5)
        yield connected


def push(it: Venue, *minutes: int) -> None:
    price = Decimal(50_000)
    for minute in minutes:
        it.engine.push_candle(MARKET, "1m", minute * 60_000, price, price, price, price)


async def told(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[int]:
    """The minutes of the next candles."""
    frames = [await socket.receive_json(timeout=5) for _ in range(count)]
    return [frame["k"]["t"] // 60_000 for frame in frames]


async def test_a_stream_can_fall_silent_and_still_answer_pings(
    it: Venue, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """The connection looks alive; nothing comes until the rule is gone."""
    it.streams.add(StreamRule(does=Slip.MUTE, topic="kline"))
    push(it, 1)
    await socket.ping()
    with pytest.raises(TimeoutError):
        await socket.receive(timeout=0.2)
    assert not socket.closed
    it.streams.clear()
    push(it, 2)
    assert await told(socket, 1) == [2]


@pytest.mark.parametrize(
    ("does", "seen"),
    [(Slip.REPEAT, [1, 1, 2, 2, 3, 3]), (Slip.SWAP, [2, 1, 3])],
)
async def test_candles_can_come_twice_or_in_another_order(
    it: Venue, socket: aiohttp.ClientWebSocketResponse, does: Slip, seen: list[int]
) -> None:
    """Swapped: the first one after the second."""
    it.streams.add(StreamRule(does=does, topic="kline", times=1 if does is Slip.SWAP else -1))
    push(it, 1, 2, 3)
    assert await told(socket, len(seen)) == seen


async def test_candles_can_be_late(it: Venue, socket: aiohttp.ClientWebSocketResponse) -> None:
    """Held until released, the newest first; REST has them meanwhile."""
    it.streams.add(StreamRule(does=Slip.HOLD, topic="kline"))
    push(it, 1, 2)
    while len(it.streams.rules[0].kept) < 2:  # noqa: ASYNC110 - frames have no other witness
        await asyncio.sleep(0.01)
    assert len(it.engine.candles.rows(MARKET, "1m")) == 2
    it.streams.release()
    assert await told(socket, 2) == [2, 1]


async def test_candles_can_say_something_else_than_rest(
    it: Venue, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """Changed on the wire; the kept one is as it was."""
    it.streams.add(
        StreamRule(does=Slip.CHANGE, change=lambda text: text.replace('"50000"', '"60000"'))
    )
    push(it, 1)
    assert (await socket.receive_json(timeout=5))["k"]["c"] == "60000"
    assert it.engine.candles.rows(MARKET, "1m")[0].close == 50_000


async def test_a_frame_can_be_broken(it: Venue, socket: aiohttp.ClientWebSocketResponse) -> None:
    """It is no JSON any more."""
    it.streams.add(StreamRule(does=Slip.GARBLE, topic="kline", times=1))
    push(it, 1)
    with pytest.raises(json.JSONDecodeError):
        await socket.receive_json(timeout=5)


async def test_a_connection_can_be_closed(
    it: Venue, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """And new ones refused."""
    assert it.hang_up(topic="btcusdt@kline_1m") == 1
    message = await socket.receive(timeout=5)
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    it.streams.refuses = True
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{it.url}/market/ws")
