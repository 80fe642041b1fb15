"""Private streams: each change of an order is a reason to look, and nothing depends on one."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from signalbot.domain.users import UserId
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.adapters.bybit_swap import BybitSwap
from signalbot.exchange.live.adapters.mexc_spot import MexcSpot
from signalbot.exchange.live.adapters.okx_swap import OkxSwap
from signalbot.exchange.live.orders.order_stream import OrderStreams
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.tasks import SystemClock
from tests.exchange.live.loopback_exchange import swap
from tests.exchange.live.wire_fixtures import KEYS, SWAP
from tests.venue.binance import Binance
from tests.venue.model import Kind, Order, Side, Ticket
from tests.venue.server import Venue, venue

ANNA, BEN = UserId("anna"), UserId("ben")


class Setup:
    """Accounts whose streams are watched, and the hints that came."""

    def __init__(self, connection: Connection, dialect: ExchangeAdapter, *, most: int = 50) -> None:
        clock = SystemClock()
        self.connection = connection
        self.budget = RateLimiter("x", rates=dialect.capabilities.rates, clock=clock)
        self.dialect = dialect
        self.changes: list[UserId] = []
        self._news = asyncio.Event()
        self.streams = OrderStreams([dialect], clock=clock, max_accounts=most)

    async def _take(self) -> None:
        async for hint in self.streams.changes:
            self.changes.append(hint.user_id)
            self._news.set()

    def follow(self, user_id: UserId, keys: Mapping[str, str]) -> RequestExecutor:
        caller = RequestExecutor(
            self.connection.client(keys),
            rate_limiter=self.budget,
            codes=self.dialect.codes,
            on_clock_skew=lambda: None,
        )
        self.streams.follow(user_id, caller)
        return caller

    async def hint(self, *, seconds: float = 10) -> None:
        """Wait for the next one."""
        self._news.clear()
        async with asyncio.timeout(seconds):
            await self._news.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.streams.run()), group.create_task(self._take())]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()


@asynccontextmanager
async def at_binance(*users: UserId, most: int = 50) -> AsyncIterator[tuple[Venue, Setup]]:
    async with venue("binance", accounts=users) as it:
        connection = Connection(
            "x", ClientProfile("binanceusdm", options=BinanceUsdm.options), config=it.ccxt_config()
        )
        await connection.open()
        try:
            await connection.load_markets()
            setup = Setup(connection, BinanceUsdm(), most=most)
            for user in users:
                setup.follow(user, it.credentials(user))
            async with setup.running():
                yield it, setup
        finally:
            await connection.close()


async def _listened(it: Venue, users: int = 1) -> None:
    """Until the exchange has this many private connections."""
    async with asyncio.timeout(10):
        while sum(bool(each.key) for each in it.dialect.sockets) != users:  # noqa: ASYNC110 - a server counts
            await asyncio.sleep(0.01)


async def _buy(it: Venue, user: UserId, name: str) -> None:
    connection = Connection("y", ClientProfile("binanceusdm"), config=it.ccxt_config())
    await connection.open()
    await connection.load_markets()
    client = connection.client(it.credentials(user))
    await client.create_order(SWAP, "market", "buy", "0.01", None, {"clientOrderId": name})
    await connection.close()


async def test_an_order_that_changes_is_a_hint_to_its_owner() -> None:
    """And to nobody else."""
    async with at_binance(ANNA, BEN) as (it, setup):
        await _listened(it, 2)
        await _buy(it, BEN, "b" * 32)
        await setup.hint()
        assert set(setup.changes) == {BEN}


DIALECTS: Mapping[str, ExchangeAdapter] = {
    "binance": BinanceUsdm(), "bybit": BybitSwap(), "okx": OkxSwap(),
}  # fmt: skip


@asynccontextmanager
async def _at(name: str) -> AsyncIterator[tuple[Venue, Setup]]:
    """One account at a whole exchange; its streams are not opened yet."""
    dialect = DIALECTS[name]
    async with venue(name, accounts=[ANNA]) as it:
        connection = Connection(
            "x",
            ClientProfile(it.dialect.ccxt_id, options=dialect.options),
            config=it.ccxt_config(),
        )
        await connection.open()
        try:
            await connection.load_markets()
            setup = Setup(connection, dialect)
            setup.follow(ANNA, it.credentials(ANNA))
            yield it, setup
        finally:
            await connection.close()


def _stop(it: Venue) -> Order:
    """The owner has a position, and a stop behind it."""
    symbol = it.dialect.market_id("BTC")
    buy = Ticket(
        client_id="", symbol=symbol, side=Side.BUY, kind=Kind.MARKET, quantity=Decimal("0.1")
    )
    it.engine.place_foreign(ANNA, buy)
    stop = Ticket(
        client_id="", symbol=symbol, side=Side.SELL, kind=Kind.STOP, quantity=Decimal("0.1"),
        trigger=Decimal(45_000), reduce_only=True,
    )  # fmt: skip
    return it.engine.place_foreign(ANNA, stop)


async def _speaking(setup: Setup) -> None:
    async with asyncio.timeout(10):
        while not setup.streams.is_reliable(ANNA):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", ["bybit", "okx"])
async def test_a_stop_that_ends_is_a_hint(name: str) -> None:
    """An account whose streams are believed hears of the end of its conditional orders, too."""
    async with _at(name) as (it, setup):
        stop = _stop(it)
        async with setup.running():
            await _speaking(setup)
            waiting = asyncio.create_task(setup.hint())
            await asyncio.sleep(0)
            it.engine.cancel_by_hand(ANNA, stop.id)
            await waiting


async def test_a_stop_that_ends_at_binance_is_a_hint() -> None:
    """Its streams say nothing before something happens."""
    async with _at("binance") as (it, setup):
        stop = _stop(it)
        async with setup.running():
            await _listened(it)
            waiting = asyncio.create_task(setup.hint())
            await asyncio.sleep(0)
            it.engine.cancel_by_hand(ANNA, stop.id)
            await waiting
            assert setup.streams.is_reliable(ANNA)


async def test_a_listen_key_that_expires_is_replaced() -> None:
    """ccxt overlooks it and would wait for ever; the next order is heard again."""
    async with at_binance(ANNA) as (it, setup):
        await _listened(it)
        assert isinstance(it.dialect, Binance)
        it.dialect.streaming.expire(ANNA)
        await setup.hint()  # nobody tells again what happened meanwhile
        await _listened(it)
        setup.changes.clear()
        await _buy(it, ANNA, "a" * 32)
        await setup.hint()
        assert setup.changes


async def test_a_connection_that_is_lost_is_dialled_again() -> None:
    """Whoever has closed it."""
    async with at_binance(ANNA) as (it, setup):
        for number in range(2):
            await _listened(it)
            (socket,) = (each for each in it.dialect.sockets if each.key)
            socket.hang_up()
            await setup.hint()
            await _listened(it)
            await _buy(it, ANNA, f"{number}" * 32)
            await setup.hint()


async def test_many_accounts_have_no_streams() -> None:
    """One more than is allowed ends them all; when it leaves, they are opened again."""
    async with at_binance(ANNA, most=1) as (it, setup):
        await _listened(it, 1)
        setup.follow(BEN, it.credentials(ANNA))
        await _listened(it, 0)
        setup.streams.unfollow(BEN)
        await _listened(it, 1)


async def test_a_banned_address_dials_nobody() -> None:
    """A stream begins with a request, and none is made before the ban is over."""
    async with venue("binance", accounts=[ANNA]) as it:
        connection = Connection(
            "x", ClientProfile("binanceusdm", options=BinanceUsdm.options), config=it.ccxt_config()
        )
        await connection.open()
        await connection.load_markets()
        setup = Setup(connection, BinanceUsdm())
        setup.budget.ban(retry_after_s=1.5, reason="too many requests")
        setup.follow(ANNA, it.credentials(ANNA))
        before = it.counts.of()
        async with setup.running():
            await asyncio.sleep(1.0)
            assert it.counts.of() == before
            await _listened(it)
        await connection.close()


async def test_an_exchange_without_a_stream_is_only_polled() -> None:
    """Its run ends at once; it has nothing to do."""
    connection = Connection("x", ClientProfile("mexc", options=MexcSpot.options), config={})
    async with asyncio.timeout(1):
        await Setup(connection, MexcSpot()).streams.run()


# --- exchanges that let in by a first message -----------------------------------------------


class Private:
    """A private websocket: lets in, confirms, and says what a test gives it."""

    def __init__(self, answer: Callable[[Any], list[Any]]) -> None:
        self._answer = answer
        self.heard: list[Any] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.watched: dict[str, web.WebSocketResponse] = {}  #: by channel
        self._subscribed = asyncio.Semaphore(0)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is not WSMsgType.TEXT or message.data == "ping":
                continue
            said = json.loads(message.data)
            self.heard.append(said)
            for each in self._answer(said):
                await socket.send_json(each)
            if said["op"] == "subscribe":
                first = said["args"][0]
                channel = first["channel"] if isinstance(first, dict) else "orders"
                self.watched[channel] = socket
                self._subscribed.release()
        return socket

    async def subscribed(self) -> None:
        """Return once one more connection has subscribed."""
        async with asyncio.timeout(10):
            await self._subscribed.acquire()


@asynccontextmanager
async def _served(private: Private) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", private.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        for socket in private.sockets:
            await socket.close()
        await runner.cleanup()


def _bybit(said: Any) -> list[Any]:
    if said["op"] == "auth":
        return [{"success": True, "ret_msg": "", "op": "auth", "conn_id": "1"}]
    return [{"success": True, "ret_msg": "", "op": said["op"], "conn_id": "1"}]


def _okx(said: Any) -> list[Any]:
    if said["op"] == "login":
        return [{"event": "login", "code": "0", "msg": "", "connId": "1"}]
    return [{"event": "subscribe", "arg": said["args"][0], "connId": "1"}]


BYBIT_ORDER = {
    "id": "1", "topic": "order", "creationTime": 1_700_000_000_000,
    "data": [{
        "symbol": "BTCUSDT", "orderId": "77", "side": "Sell", "orderType": "Market",
        "orderStatus": "Filled", "category": "linear", "qty": "0.02", "cumExecQty": "0.02",
        "avgPrice": "48000", "price": "0", "orderLinkId": "", "createdTime": "1700000000000",
        "updatedTime": "1700000000000", "stopOrderType": "StopLoss", "timeInForce": "IOC",
    }],
}  # fmt: skip
OKX_ORDER = {
    "arg": {"channel": "orders", "instType": "ANY"},
    "data": [{
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "ordId": "77", "clOrdId": "",
        "side": "sell", "ordType": "market", "state": "filled", "sz": "2", "accFillSz": "2",
        "avgPx": "48000", "px": "", "fillPx": "48000", "fillSz": "2", "tradeId": "1",
        "fee": "-0.1", "feeCcy": "USDT", "fillFee": "-0.1", "fillFeeCcy": "USDT",
        "fillTime": "1700000000000", "cTime": "1700000000000", "uTime": "1700000000000",
        "algoId": "", "algoClOrdId": "", "lever": "5", "tdMode": "isolated", "posSide": "net",
    }],
}  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "market_id", "answer", "order", "broken", "streams"),
    [
        (BybitSwap(), "BTCUSDT", _bybit, BYBIT_ORDER, {"topic": "order", "data": [7]}, 1),
        (OkxSwap(), "BTC-USDT-SWAP", _okx, OKX_ORDER, {**OKX_ORDER, "data": [7]}, 2),
    ],
    ids=["bybit", "okx"],
)
async def test_a_few_streams_tell_of_every_order_of_an_account(
    dialect: ExchangeAdapter,
    market_id: str,
    answer: Callable[[Any], list[Any]],
    order: Mapping[str, Any],
    broken: Mapping[str, Any],
    streams: int,
) -> None:
    """Each let in once, asked for once; an unreadable frame is a hint too, and ends none."""
    private = Private(answer)
    async with _served(private) as url:
        exchange = dialect.capabilities.exchange
        profile = ClientProfile(dialect.capabilities.exchange, options=dialect.options)
        config = {"urls": {"api": {"ws": _ws(exchange, url)}}}
        connection = Connection("x", profile, config=config)
        await connection.open()
        connection.template.set_markets([swap(market_id, lot="0.001")])
        setup = Setup(connection, dialect)
        setup.follow(ANNA, KEYS)
        try:
            async with setup.running():
                for _ in range(streams):
                    await private.subscribed()
                await _speaking(setup)
                for frame in (order, broken, order):
                    waiting = asyncio.create_task(setup.hint())
                    await asyncio.sleep(0)
                    await private.watched["orders"].send_json(frame)
                    await waiting
                let_in = "login" if exchange == "okx" else "auth"
                said = Counter(each["op"] for each in private.heard)
                assert said == {let_in: streams, "subscribe": streams}
        finally:
            await connection.close()


async def test_an_account_is_polled_less_often_only_once_all_its_streams_are_open() -> None:
    """OKX has plain and conditional orders on two connections; one alone says too little."""
    logins: list[Any] = []

    def let_in_once(said: Any) -> list[Any]:
        if said["op"] == "login":
            logins.append(said)
        return _okx(said) if len(logins) < 2 else []

    private, dialect = Private(let_in_once), OkxSwap()
    async with _served(private) as url:
        config = {"urls": {"api": {"ws": _ws("okx", url)}}}
        connection = Connection("x", ClientProfile("okx", options=dialect.options), config=config)
        await connection.open()
        connection.template.set_markets([swap("BTC-USDT-SWAP", lot="0.001")])
        setup = Setup(connection, dialect)
        setup.follow(ANNA, KEYS)
        try:
            async with setup.running():
                await private.subscribed()
                waiting = asyncio.create_task(setup.hint())
                await asyncio.sleep(0)
                (watched,) = private.watched
                await private.watched[watched].send_json(
                    {**OKX_ORDER, "arg": {"channel": watched, "instType": "ANY"}}
                )
                await waiting
                assert not setup.streams.is_reliable(ANNA)
        finally:
            await connection.close()


def _ws(exchange: str, url: str) -> Any:
    if exchange == "okx":
        return url
    private = dict.fromkeys(("contract", "usdc", "spot", "linear", "inverse"), url)
    return {"public": {}, "private": {**private, "unified": f"{url}/v5/private"}}
