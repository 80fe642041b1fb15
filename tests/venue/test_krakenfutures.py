"""The loopback Kraken Futures is as strict as the real one, and ccxt works against it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support as ccxt
import pytest
from ccxt import pro

from tests.venue.clients import client_of, connected, frame, pass_time, refused, sent
from tests.venue.faults import Drop, Hide, Refuse, Rule
from tests.venue.krakenfutures import sign
from tests.venue.krakenfutures_stream import signed_challenge
from tests.venue.matching import Fills
from tests.venue.model import Reason
from tests.venue.server import Venue, venue

SWAP, BTC = "BTC/USD:USD", "PF_XBTUSD"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_700_006_400_000
REMEMBERED_MS = 5_000


@pytest.fixture
async def it() -> AsyncIterator[Venue]:
    """A running Kraken Futures with two accounts."""
    async with venue("krakenfutures", accounts=["anna", "bert"]) as running:
        yield running


@pytest.fixture
async def api(it: Venue) -> AsyncIterator[Any]:
    """ccxt's client of anna, with nothing but other addresses."""
    async with client_of(it) as client:
        yield client


async def signed(
    it: Venue, method: str, path: str, *, secret: str = "", nonce: str = "", **asked: Any
) -> Any:
    """A request signed by hand as Kraken's documents say, and the JSON of its answer."""
    return (await answered(it, method, path, secret=secret, nonce=nonce, **asked))[1]


async def answered(
    it: Venue, method: str, path: str, *, secret: str = "", nonce: str = "", **asked: Any
) -> tuple[int, Any]:
    """The same, with the status."""
    if not path.startswith("/"):
        path = f"/derivatives/api/v3/{path}"
    query = urlencode(asked, doseq=True)
    key = secret or it.engine.accounts["anna"].secret
    headers = {"APIKey": "anna",
               "Authent": sign(key, query, nonce, path.removeprefix("/derivatives"))}  # fmt: skip
    return await sent(
        it, method, path, query=query, headers=headers | ({"Nonce": nonce} if nonce else {})
    )


async def place(it: Venue, **more: Any) -> Any:
    """A limit buy of 0.02 BTC that rests, sent by hand; its ``sendStatus``."""
    asked = {"orderType": "lmt", "symbol": BTC, "side": "buy", "size": "0.02",
             "limitPrice": "40000"}  # fmt: skip
    answer = await signed(it, "POST", "sendorder", **asked | more)
    return answer.get("sendStatus", answer)


async def take(it: Venue, **more: Any) -> Any:
    """A market buy of 0.02 BTC, sent by hand; its ``sendStatus``."""
    asked = {"orderType": "mkt", "symbol": BTC, "side": "buy", "size": "0.02"}
    answer = await signed(it, "POST", "sendorder", **asked | more)
    return answer.get("sendStatus", answer)


async def enter(api: Any, amount: str = "0.02", **params: Any) -> Any:
    """Buy at the market price."""
    return await api.create_order(SWAP, "market", "buy", amount, None, params)


# --- through ccxt -------------------------------------------------------------------------------


async def test_markets_settle_in_dollars(api: Any) -> None:
    """``flexible_futures``: PF_XBTUSD is BTC/USD:USD."""
    assert api.market(SWAP)["id"] == BTC
    assert Decimal(str(api.market(SWAP)["precision"]["amount"])) == Decimal("0.0001")
    assert Decimal(str(api.market("DOGE/USD:USD")["precision"]["amount"])) == 1


async def test_a_position_is_entered_found_and_accounted_for(it: Venue, api: Any) -> None:
    """Leverage, order, look-up, fill, position and balance."""
    await api.set_leverage(10, SWAP)
    placed = await enter(api, clientOrderId="a" * 32)
    assert (placed["status"], placed["average"]) == ("closed", "50000")
    found = await api.fetch_order(placed["id"], SWAP)
    assert (found["status"], found["clientOrderId"], found["filled"]) == (
        "closed", "a" * 32, "0.02",
    )  # fmt: skip
    [trade] = await api.fetch_my_trades(SWAP)
    assert (trade["order"], trade["amount"], trade["price"]) == (placed["id"], "0.02", "50000.0")
    [position] = await api.fetch_positions([SWAP])
    assert (position["side"], position["contracts"], position["leverage"]) == (
        "long", "0.02", "10.0",
    )  # fmt: skip
    assert position["marginMode"] == "isolated"
    assert Decimal((await api.fetch_balance())["USD"]["total"]) == Decimal("9999.5")


async def test_a_limit_order_rests_is_listed_and_canceled(api: Any) -> None:
    """Cancel Order: a canceled order is answered like an unknown one."""
    placed = await api.create_order(SWAP, "limit", "buy", "0.02", "40000", {"clientOrderId": "x"})
    [listed] = await api.fetch_open_orders(SWAP)
    assert (listed["id"], listed["clientOrderId"], listed["status"]) == (placed["id"], "x", "open")
    assert (await api.cancel_order(placed["id"], SWAP))["status"] == "canceled"
    assert "notFound" in await refused(api.cancel_order(placed["id"], SWAP), ccxt.OrderNotFound)


async def test_a_filled_order_is_told_from_an_unknown_one_for_five_seconds(
    it: Venue, api: Any
) -> None:
    """``cancelStatus``: ``filled``, afterwards ``notFound``."""
    placed = await enter(api)
    assert "filled" in await refused(api.cancel_order(placed["id"], SWAP))
    pass_time(it, REMEMBERED_MS + 1)
    assert "notFound" in await refused(api.cancel_order(placed["id"], SWAP))


async def test_a_stop_is_listed_with_the_others_and_becomes_another_order(
    it: Venue, api: Any
) -> None:
    """Open Orders: the stop is removed (``stop_order_triggered``), another order is created.

    Whether that one has the stop's id is not documented; here it has not, only its client id. The
    stop reads as ``CANCELLED``.
    """
    await enter(api)
    params = {"stopLossPrice": "49000", "clientOrderId": "guard"}
    placed = await api.create_order(SWAP, "market", "sell", "0.02", None, params)
    [listed] = await api.fetch_open_orders(SWAP)
    assert (listed["id"], listed["triggerPrice"], listed["reduceOnly"]) == (
        placed["id"], "49000.0", True,
    )  # fmt: skip
    it.engine.set_price(BTC, Decimal(48_900))
    stop, became = await api.fetch_orders(SWAP, None, None, {"cliOrdIds": "guard"})
    assert (stop["id"], stop["status"]) == (placed["id"], "canceled")
    assert (became["status"], became["filled"]) == ("closed", "0.02")
    assert became["id"] != placed["id"]
    assert (await api.fetch_my_trades(SWAP))[-1]["info"]["cliOrdId"] == "guard"
    assert await api.fetch_positions([SWAP]) == []


async def test_a_target_sells_when_the_price_has_risen(it: Venue, api: Any) -> None:
    """``take_profit`` with a ``limitPrice``: the worst price at which it may fill."""
    await enter(api)
    params = {"takeProfitPrice": "60000"}
    await api.create_order(SWAP, "limit", "sell", "0.02", "59900", params)
    it.engine.set_price(BTC, Decimal(60_100))
    assert await api.fetch_positions([SWAP]) == []


async def test_a_batch_cancels_by_client_id_and_says_so_only_in_its_answer(api: Any) -> None:
    """Batch Order: each by itself; one that is unknown is no error of the request."""
    await api.create_order(SWAP, "limit", "buy", "0.02", "40000", {"clientOrderId": "x"})
    unknown, known = await api.cancel_orders([], SWAP, {"clientOrderIds": ["x", "y"]})
    assert known["status"] == "canceled"
    assert (unknown["id"], unknown["status"]) == (None, "rejected")
    assert await api.fetch_open_orders(SWAP) == []


async def test_an_edit_says_what_shall_be_open(it: Venue, api: Any) -> None:
    """Edit Order: the size does not count what has filled."""
    it.engine.plan_fills(Fills(shares=[Decimal("0.5")]))
    placed = await api.create_order(SWAP, "limit", "buy", "0.02", "50000")
    await api.edit_order(placed["id"], SWAP, "limit", "buy", "0.02", "40000")
    [order] = it.engine.open_orders(it.engine.accounts["anna"])
    assert (order.filled, order.remaining) == (Decimal("0.01"), Decimal("0.02"))


# --- the websocket ------------------------------------------------------------------------------


async def test_orders_are_streamed_to_their_account_only(it: Venue) -> None:
    """``open_orders``, after a signed challenge."""
    async with (
        client_of(it, kind=pro) as client, client_of(it, "bert") as other, asyncio.timeout(10),
    ):  # fmt: skip
        watched = asyncio.create_task(client.watch_orders(SWAP))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        await other.create_order(SWAP, "limit", "buy", "0.02", "49000")
        placed = await client.create_order(SWAP, "limit", "buy", "0.02", "48000")
        [first] = await watched
        assert (first["id"], first["remaining"]) == (placed["id"], "0.02")


async def subscribed(it: Venue, socket: Any, feed: str) -> Any:
    """Sign the challenge, ask for a feed; its snapshot."""
    await socket.send_json({"event": "challenge", "api_key": "anna"})
    challenge = (await frame(socket, lambda told: told.get("event") == "challenge"))["message"]
    secret = it.engine.accounts["anna"].secret
    await socket.send_json({
        "event": "subscribe", "feed": feed, "api_key": "anna", "original_challenge": challenge,
        "signed_challenge": signed_challenge(secret, challenge),
    })  # fmt: skip
    return await frame(socket, lambda told: "event" not in told)


async def test_what_fills_at_once_is_told_by_fills_alone(it: Venue) -> None:
    """Fills has the fee, which no other answer has; "Open Orders" has what rests."""
    async with connected(it, "/ws/v1") as socket, asyncio.timeout(10):
        assert (await subscribed(it, socket, "open_orders"))["orders"] == []
        assert (await subscribed(it, socket, "fills"))["fills"] == []
        await take(it, cliOrdId="mine")
        await place(it)
        first = await frame(socket, lambda told: "feed" in told)
        second = await frame(socket, lambda told: "feed" in told)
    [fill] = first["fills"]
    assert (fill["cli_ord_id"], fill["fee_paid"], fill["fee_currency"]) == ("mine", 0.5, "USD")
    assert (second["feed"], second["reason"]) == ("open_orders", "new_placed_order_by_user")


async def test_an_open_order_ends_without_its_market(it: Venue) -> None:
    """Open Orders: ``is_cancel`` means that it is over, and only the reason shows how."""
    async with connected(it, "/ws/v1") as socket, asyncio.timeout(10):
        await subscribed(it, socket, "open_orders")
        placed = await place(it)
        it.engine.plan_fills(Fills(shares=[Decimal(1)]))
        order = next(iter(it.engine.accounts["anna"].open.values()))
        it.engine.fill(order, Decimal("0.01"))
        it.engine.fill(order)
        told = [await frame(socket, lambda told: "feed" in told) for _ in range(3)]
    assert [each["reason"] for each in told] == [
        "new_placed_order_by_user", "partial_fill", "full_fill",
    ]  # fmt: skip
    assert (told[1]["order"]["qty"], told[1]["order"]["filled"]) == (0.01, 0.01)
    assert told[2] == {"feed": "open_orders", "order_id": placed["order_id"], "is_cancel": True,
                       "reason": "full_fill"}  # fmt: skip


async def test_positions_are_streamed_whole(it: Venue) -> None:
    """Open Positions: every message has all of them."""
    async with client_of(it, kind=pro) as client, asyncio.timeout(10):
        watched = asyncio.create_task(client.watch_positions([SWAP]))
        while not any(each.topics for each in it.dialect.sockets):  # noqa: ASYNC110 - no other sign
            await asyncio.sleep(0.01)
        await take(it)
        rows = await watched
        assert rows == [] or rows[0]["contracts"] == "0.02"


async def test_nobody_subscribes_with_another_challenge(it: Venue) -> None:
    """The challenge that this connection was given must be signed."""
    async with connected(it, "/ws/v1") as socket, asyncio.timeout(10):
        body = {
            "event": "subscribe",
            "feed": "fills",
            "api_key": "anna",
            "original_challenge": "x",
            "signed_challenge": signed_challenge(it.engine.accounts["anna"].secret, "x"),
        }
        await socket.send_json(body)
        assert (await frame(socket, lambda told: told["event"] != "info"))["event"] == "error"
        await socket.send_json(body | {"feed": "candles"})
        told = await frame(socket, lambda told: told["event"] != "info")
        assert told["message"] == "Invalid feed"


# --- who may ask --------------------------------------------------------------------------------


async def test_requests_are_signed_exactly(it: Venue) -> None:
    """Authentication: HMAC-SHA512 of the SHA-256 of parameters, nonce and path."""
    assert (await signed(it, "GET", "accounts"))["result"] == "success"
    other = it.engine.accounts["bert"].secret
    assert (await signed(it, "GET", "accounts", secret=other))["error"] == "authenticationError"
    it.engine.accounts["anna"].is_revoked = True
    assert (await signed(it, "GET", "accounts"))["error"] == "authenticationError"


async def test_a_nonce_is_optional_and_rises(it: Venue) -> None:
    """``nonceDuplicate`` and ``nonceBelowThreshold``."""
    answers = [await signed(it, "GET", "accounts", nonce=each) for each in ("8", "8", "7", "9")]
    assert [each.get("error") for each in answers] == [
        None, "nonceDuplicate", "nonceBelowThreshold", None,
    ]  # fmt: skip


async def test_a_key_that_only_reads_places_nothing(it: Venue) -> None:
    """And "Check v3 API key" shows its permissions."""
    anna = it.engine.accounts["anna"]
    anna.can_trade, anna.can_withdraw = False, True
    assert (await place(it))["error"] == "authenticationError"
    told = await signed(it, "GET", "/api/auth/v1/api-keys/v3/check")
    assert told["permissions"] == {"general": "READ_ONLY", "transfer": "FULL_ACCESS"}
    assert told["allowedCidrBlocks"] == ["127.0.0.1/32"]


async def test_the_time_is_in_every_answer_and_nowhere_else(it: Venue) -> None:
    """``serverTime``: there is no endpoint for it, and candles do not carry it."""
    it.engine.clock_offset_ms = 40_000
    for path in ("tickers", "nowhere"):
        _, answer = await sent(it, "GET", f"/derivatives/api/v3/{path}")
        ahead = datetime.fromisoformat(answer["serverTime"]) - datetime.now(UTC)
        assert timedelta(seconds=39) < ahead < timedelta(seconds=41)
    _, answer = await sent(it, "GET", f"/api/charts/v1/trade/{BTC}/1h")
    assert set(answer) == {"candles", "more_candles"}


# --- orders -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"size": "0.00005"}, "invalidSize"), ({"size": "0"}, "invalidSize"),
        ({"limitPrice": "40000.5"}, "invalidPrice"), ({"side": "long"}, "invalidSide"),
        ({"orderType": "stop"}, "invalidOrderType"),
        ({"size": "20"}, "insufficientAvailableFunds"), ({"size": "6000"}, "maxPositionViolation"),
        ({"orderType": "post", "limitPrice": "50000"}, "postWouldExecute"),
        ({"orderType": "ioc"}, "iocWouldNotExecute"), ({"orderType": "fok"}, "iocWouldNotExecute"),
        ({"reduceOnly": "true"}, "wouldNotReducePosition"),
        ({"cliOrdId": "x" * 101}, "clientOrderIdTooLong"),
        ({"processBefore": "2020-01-01T00:00:00Z"}, "wouldProcessAfterSpecifiedTime"),
    ],
)  # fmt: skip
async def test_an_order_that_is_not_placed_is_a_success_with_a_status(
    it: Venue, asked: dict[str, str], status: str
) -> None:
    """Send Order: ``result`` is ``success``, and there is an ``order_id`` all the same."""
    told = await place(it, **asked)
    assert told["status"] == status
    assert told["order_id"]
    assert not it.engine.accounts["anna"].open


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"size": ""}, "requiredArgumentMissing"), ({"limitPrice": ""}, "requiredArgumentMissing"),
        ({"orderType": "stp"}, "requiredArgumentMissing"),
        ({"symbol": "PF_NONEUSD"}, "contractNotFound"), ({"triggerSignal": "bid"},
                                                         "invalidArgument"),
    ],
)  # fmt: skip
async def test_a_request_that_is_not_understood_is_an_error(
    it: Venue, asked: dict[str, str], error: str
) -> None:
    """``result`` is ``error``; HTTP 200 comes with both."""
    assert (await place(it, **asked))["error"] == error


async def test_a_market_order_stays_within_one_per_cent(it: Venue) -> None:
    """mkt - an immediate-or-cancel order with 1% price protection: beyond it nothing fills."""
    it.engine.slippage[BTC] = Decimal("0.012")
    assert (await take(it))["status"] == "iocWouldNotExecute"
    it.engine.slippage[BTC] = Decimal("0.008")
    [event] = (await take(it))["orderEvents"]
    assert (event["type"], event["price"]) == ("EXECUTION", 50_400.0)
    assert event["orderPriorExecution"]["type"] == "ioc"


async def test_a_client_id_is_refused_while_its_order_is_remembered(it: Venue) -> None:
    """``clientOrderIdAlreadyExist``: "It must be globally unique". Five seconds after the end of
    the order it buys a second time; the documents do not mention ended orders."""
    assert (await take(it, cliOrdId="same"))["status"] == "placed"
    assert (await take(it, cliOrdId="same"))["status"] == "clientOrderIdAlreadyExist"
    pass_time(it, REMEMBERED_MS + 1)
    assert (await take(it, cliOrdId="same"))["status"] == "placed"
    await place(it, cliOrdId="resting")
    pass_time(it, DAY_MS)
    assert (await place(it, cliOrdId="resting"))["status"] == "clientOrderIdAlreadyExist"


async def test_ccxt_knows_a_client_id_that_is_used_again(api: Any) -> None:
    """As ``DuplicateOrderId``."""
    await enter(api, clientOrderId="same")
    await refused(enter(api, clientOrderId="same"), ccxt.DuplicateOrderId)


async def test_a_trigger_without_a_signal_looks_at_the_mark_price(it: Venue) -> None:
    """Send Order names no usual ``triggerSignal``; ccxt always sends ``last``."""
    await take(it)
    stop = {"orderType": "stp", "side": "sell", "stopPrice": "49000", "limitPrice": "",
            "reduceOnly": "true"}  # fmt: skip
    told = await place(it, **stop)
    [event] = told["orderEvents"]
    assert event["orderTrigger"]["triggerSignal"] == "mark_price"
    it.engine.set_price(BTC, Decimal(48_000), mark=Decimal(50_000))
    assert it.engine.accounts["anna"].held(BTC) == Decimal("0.02")


async def test_a_stop_beyond_the_price_sells_at_once(it: Venue) -> None:
    """The documents do not mention a refusal."""
    await take(it)
    stop = {"orderType": "stp", "side": "sell", "stopPrice": "51000", "limitPrice": "",
            "reduceOnly": "true"}  # fmt: skip
    assert (await place(it, **stop))["status"] == "placed"
    assert not it.engine.accounts["anna"].held(BTC)


async def test_a_reduction_is_cut_to_the_position(it: Venue) -> None:
    """``reducedQuantity``: what would turn the position round is left out."""
    await take(it)
    await take(it, side="sell", size="0.05", reduceOnly="true")
    assert not it.engine.accounts["anna"].held(BTC)


async def test_a_refusal_by_script_speaks_of_what_was_asked(it: Venue, api: Any) -> None:
    """``sendStatus`` for an order, ``cancelStatus`` for a cancel."""
    it.faults.add(Rule(leg="entry", does=(Refuse(why=Reason.MARGIN),)))
    await refused(enter(api), ccxt.InsufficientFunds)
    placed = await enter(api, "0.01")
    it.faults.add(Rule(leg="cancel", does=(Refuse(why=Reason.NO_SUCH_ORDER),)))
    await refused(api.cancel_order(placed["id"], SWAP), ccxt.OrderNotFound)


async def test_an_order_of_a_lost_answer_is_listed_late(it: Venue, api: Any) -> None:
    """The order lives, its answer is lost, and no list knows it at first."""
    it.faults.add(Rule(leg="entry", does=(Hide(seconds=3_600), Drop())))
    await refused(enter(api, clientOrderId="lost"), ccxt.NetworkError)
    assert await api.fetch_orders(SWAP, None, None, {"cliOrdIds": "lost"}) == []
    assert await api.fetch_my_trades(SWAP) == []
    assert await api.fetch_closed_orders(SWAP) == []
    assert it.engine.accounts["anna"].held(BTC) == Decimal("0.02")


# --- what is remembered -------------------------------------------------------------------------


async def test_an_order_is_looked_up_for_five_seconds_after_its_end(it: Venue, api: Any) -> None:
    """Get Specific Orders' Status: "open or were filled/cancelled in the last 5 seconds"."""
    resting = await api.create_order(SWAP, "limit", "buy", "0.02", "40000")
    filled = await enter(api)
    assert (await api.fetch_order(filled["id"], SWAP))["status"] == "closed"
    pass_time(it, REMEMBERED_MS + 1)
    await refused(api.fetch_order(filled["id"], SWAP), ccxt.OrderNotFound)
    assert (await api.fetch_order(resting["id"], SWAP))["status"] == "open"
    assert [each["order"] for each in await api.fetch_my_trades(SWAP)] == [filled["id"]]


async def test_history_remembers_for_good(it: Venue, api: Any) -> None:
    """Get order events and "Get trigger events": the triggers are not among the orders."""
    filled = await enter(api)
    params = {"stopLossPrice": "49000"}
    stop = await api.create_order(SWAP, "market", "sell", "0.02", None, params)
    limit = await api.create_order(SWAP, "limit", "buy", "0.02", "40000")
    for each in (stop, limit):
        await api.cancel_order(each["id"], SWAP)
    pass_time(it, 400 * DAY_MS)
    assert [each["id"] for each in await api.fetch_closed_orders(SWAP)] == [filled["id"]]
    canceled = {each["id"] for each in await api.fetch_canceled_orders(SWAP)}
    assert canceled == {limit["id"]}
    triggers = await api.fetch_canceled_orders(SWAP, None, None, {"trigger": True})
    assert [each["id"] for each in triggers] == [stop["id"]]


async def test_what_was_paid_is_told_by_executions(it: Venue, api: Any) -> None:
    """Get execution events: version 3 has ``order`` and ``orderData``, version 2 both sides."""
    placed = await enter(api)
    third = await signed(it, "GET", "/api/history/v3/executions")
    body = third["elements"][0]["event"]["Execution"]["execution"]
    assert (body["order"]["uid"], body["orderData"]["fee"]) == (placed["id"], "0.500000")
    second = await api.historyGetExecutions()
    body = second["elements"][0]["event"]["Execution"]["execution"]
    assert body["takerOrder"]["uid"] == placed["id"]
    assert body["makerOrder"]["accountUid"] != second["accountUid"]


async def test_history_goes_on_where_it_is_told_to(it: Venue) -> None:
    """``continuationToken`` of the answer; version 3 has it in a header too. Newest first."""
    for _ in range(3):
        await take(it, size="0.001")
    path = "/api/history/v3/executions"
    first = await signed(it, "GET", path, count=2)
    token = first["continuationToken"]
    second = await signed(it, "GET", path, count=2, continuation_token=token)
    assert "continuationToken" not in second
    times = [each["timestamp"] for each in first["elements"] + second["elements"]]
    assert times == sorted(times, reverse=True)
    ascending = await signed(it, "GET", path, sort="asc")
    assert [each["uid"] for each in ascending["elements"]] == [
        each["uid"] for each in (first["elements"] + second["elements"])[::-1]
    ]
    async with aiohttp.ClientSession() as session:
        query = "count=2"
        headers = {"APIKey": "anna", "Authent": sign(it.engine.accounts["anna"].secret, query, "",
                                                     path)}  # fmt: skip
        async with session.get(f"{it.url}{path}?{query}", headers=headers) as response:
            assert response.headers["Next-Continuation-Token"] == token


async def test_fills_come_a_hundred_at_a_time(it: Venue, api: Any) -> None:
    """Get your fills: the last 100 of all markets, or the 100 before ``lastFillTime``.

    ccxt sends neither ``since`` nor ``limit``, and tells no fee but what it computes.
    """
    for number in range(105):
        pass_time(it, 10, api)
        await take(it, size="0.0001", symbol="PF_XBTUSD" if number % 2 else "pf_xbtusd")
    assert len(await api.fetch_my_trades(SWAP, None, 200)) == 100
    page = (await signed(it, "GET", "fills"))["fills"]
    older = (await signed(it, "GET", "fills", lastFillTime=page[-1]["fillTime"]))["fills"]
    assert len(older) == 5
    assert "fee" not in page[0]


# --- leverage and the wallet ----------------------------------------------------------------------


async def test_a_leverage_makes_a_market_isolated(it: Venue, api: Any) -> None:
    """Set the leverage setting: a preference is isolated margin, none is cross margin."""
    assert await api.fetch_leverages([SWAP]) == {}
    await enter(api, "0.01")
    [position] = await api.fetch_positions([SWAP])
    assert (position["marginMode"], position["leverage"]) == ("cross", None)
    await api.set_leverage(5, SWAP)
    [position] = await api.fetch_positions([SWAP])
    assert (position["marginMode"], position["leverage"]) == ("isolated", "5.0")
    await signed(it, "PUT", "leveragepreferences", symbol=BTC)
    [position] = await api.fetch_positions([SWAP])
    assert position["marginMode"] == "cross"


async def test_a_leverage_out_of_range_is_refused(it: Venue, api: Any) -> None:
    """``invalidArgument``; a market that is not in capitals is none."""
    await refused(api.set_leverage(51, SWAP), ccxt.BadRequest)
    asked = {"symbol": "pf_xbtusd", "maxLeverage": "5"}
    answer = await signed(it, "PUT", "leveragepreferences", **asked)
    assert answer["error"] == "contractNotFound"


async def test_a_leverage_that_the_wallet_cannot_bear_is_a_server_error(
    it: Venue, api: Any
) -> None:
    """HTTP 500 with code 92, INSUFFICIENT_MARGIN, as clients have seen it."""
    await enter(api, "2")
    status, answer = await answered(it, "PUT", "leveragepreferences", symbol=BTC, maxLeverage="5")
    assert (status, answer["errors"]) == (500, [{"code": 92, "message": "INSUFFICIENT_MARGIN"}])
    await refused(api.set_leverage(5, SWAP), ccxt.InsufficientFunds)
    assert it.engine.leverage(it.engine.accounts["anna"], BTC) == 50


async def test_other_coins_are_margin_and_no_dollars(it: Venue) -> None:
    """Get Wallets: the multi-collateral wallet; ccxt's free USD is not what may be used."""
    it.add_account("carl", wallet=Decimal(0), collateral={"XBT": Decimal(1)})
    async with client_of(it, "carl") as client:
        balance = await client.fetch_balance()
        assert Decimal(balance["USD"]["free"]) == 0
        assert Decimal(balance["BTC"]["total"]) == 1
        flex = balance["info"]["accounts"]["flex"]
        assert flex["availableMargin"] == 47_500
        await client.create_order(SWAP, "market", "buy", "1")
        assert Decimal((await client.fetch_balance())["USD"]["total"]) == -25


# --- candles ------------------------------------------------------------------------------------


def push(it: Venue, timeframe: str, step_ms: int, opens: range) -> None:
    """Closed candles at 50,000."""
    price = Decimal(50_000)
    for number in opens:
        at_ms = START_MS + number * step_ms
        it.engine.push_candle(BTC, timeframe, at_ms, price, price, price, price, tell=False)


async def charts(it: Venue, path: str, **asked: Any) -> Any:
    """Where the candles open that are answered, in milliseconds, and whether there are more."""
    _, answer = await sent(it, "GET", f"/api/charts/v1/{path}", query=urlencode(asked))
    return [row["time"] for row in answer["candles"]], answer["more_candles"]


async def test_a_long_window_is_told_from_its_beginning(it: Venue, api: Any) -> None:
    """Market Candles: 2,000 at most, ``more_candles`` is true when there are more."""
    push(it, "1h", HOUR_MS, range(2_100))
    told, is_more = await charts(it, f"trade/{BTC}/1h", **{"from": START_MS // 1000})
    assert (len(told), told[0], is_more) == (2_000, START_MS, True)
    rows = await api.fetch_ohlcv(SWAP, "1h", START_MS + 50 * HOUR_MS, 10)
    assert [row[0] for row in rows] == [START_MS + n * HOUR_MS for n in range(50, 60)]


async def test_candles_of_the_mark_price_have_no_volume(it: Venue, api: Any) -> None:
    """``mark`` and ``spot`` beside ``trade``."""
    push(it, "1h", HOUR_MS, range(3))
    rows = await api.fetch_ohlcv(SWAP, "1h", START_MS, 3, {"price": "mark"})
    assert [Decimal(row[5]) for row in rows] == [0, 0, 0]


@pytest.mark.parametrize("timeframe", ["3m", "2h", "6h", "3d"])
async def test_other_timeframes_do_not_exist(api: Any, timeframe: str) -> None:
    """Nine resolutions; ccxt sends the name of any other as it is."""
    await refused(api.fetch_ohlcv(SWAP, timeframe, START_MS, 10))


async def test_weeks_are_built_of_days(it: Venue) -> None:
    """``1w``."""
    push(it, "1d", DAY_MS, range(21))
    told, _ = await charts(it, f"trade/{BTC}/1w", **{"from": 0})
    assert {after - before for before, after in pairwise(told)} == {7 * DAY_MS}


# --- limits -------------------------------------------------------------------------------------


async def test_requests_cost_a_budget(it: Venue) -> None:
    """Futures Rate Limits: 500 every ten seconds, ten for an order; public ones are free."""
    it.limits.on = True
    for _ in range(49):
        assert (await place(it, symbol="PF_ETHUSD", limitPrice="10", size="0.001"))["order_id"]
    for _ in range(5):
        assert (await signed(it, "GET", "accounts"))["result"] == "success"
    assert (await place(it))["error"] == "apiLimitExceeded"
    _, answer = await sent(it, "GET", "/derivatives/api/v3/tickers")
    assert answer["result"] == "success"


async def test_older_fills_are_dear(it: Venue) -> None:
    """25 with ``lastFillTime``, two without."""
    it.limits.on = True
    for _ in range(20):
        answer = await signed(it, "GET", "fills", lastFillTime="2024-01-01T00:00:00Z")
        assert answer["result"] == "success"
    assert (await signed(it, "GET", "fills"))["error"] == "apiLimitExceeded"


async def test_history_has_a_hundred_tokens(it: Venue) -> None:
    """They come back at a hundred every ten minutes."""
    it.limits.on = True
    for _ in range(100):
        assert "elements" in await signed(it, "GET", "/api/history/v3/orders")
    status, answer = await answered(it, "GET", "/api/history/v3/orders")
    assert (status, answer["error"]) == (429, "apiLimitExceeded")
