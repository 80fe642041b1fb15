"""The exchange on 127.0.0.1: one HTTP and websocket server, counting, failing when told to.

    async with venue("binance", accounts=["alice"]) as it:
        client = ccxt.binanceusdm({"apiKey": "alice", "secret": "alice-secret", **it.ccxt_config()})
        it.engine.set_price("BTCUSDT", Decimal(50_100))

A key's secret is ``KEY-secret`` and its passphrase ``KEY-password`` unless said otherwise.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from typing import Any

from aiohttp import WSMsgType, web

from tests.venue import control
from tests.venue.engine import Engine
from tests.venue.faults import (
    Ban,
    Cut,
    Delay,
    Drop,
    Faults,
    Hang,
    Hide,
    Refuse,
    Reply,
    Unlist,
)
from tests.venue.model import Account, Market
from tests.venue.streams import Streams
from tests.venue.wire import Answer, Call, Dialect, Facts, Socket, Trouble, dump

DIALECTS = {name: f"tests.venue.{name}" for name in ("binance", "bybit", "okx")}
PRICES = {"BTC": Decimal(50_000), "ETH": Decimal(2_500)}


class Dropped(Exception):
    """The connection is cut instead of answered."""


@dataclass(slots=True)
class Counts:
    """Every request, by whom and for what."""

    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: method, path, key
    addresses: Counter[str] = field(default_factory=Counter)
    weights: Counter[tuple[str, int]] = field(default_factory=Counter)  #: address, minute
    connects: int = 0  #: websockets opened

    def of(self, method: str = "", path: str = "", key: str = "") -> int:
        """How many requests were of this method, to a path that ends so, with this key."""
        return sum(
            times for (verb, at, who), times in self.calls.items()
            if method in ("", verb) and at.endswith(path) and key in ("", who)
        )  # fmt: skip


class Venue:
    """One running exchange."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.engine = dialect.engine
        self.faults = Faults()
        self.streams = Streams()
        self.counts = Counts()
        self.calls: list[Call] = []  #: every request, when ``keeps_calls``
        self.keeps_calls = True
        self.limits_weight = False  #: answer 429 and ban once the limit of a minute is used up
        self.url = ""
        self.closing = asyncio.Event()

    # --- for tests ---------------------------------------------------------------------------

    def add_account(self, key: str, **more: Any) -> Account:
        """Open an account; ``more`` are fields of ``Account``."""
        return self.engine.add(key, **{"password": f"{key}-password", **more})

    def ccxt_config(self) -> dict[str, Any]:
        """What goes into ``[exchanges.NAME.ccxt]``: nothing but urls, and options if needed."""
        urls = self.dialect.urls(self.url, f"ws{self.url.removeprefix('http')}")
        options = self.dialect.options()
        return {"urls": urls, **({"options": options} if options else {})}

    def toml(self, name: str) -> str:
        """``ccxt_config`` as tables *under* ``[exchanges.NAME.ccxt]``, which may stand before."""
        return _tables(f"exchanges.{name}.ccxt", self.ccxt_config())

    def credentials(self, key: str) -> dict[str, str]:
        """What ccxt's constructor wants to know of an account."""
        account = self.engine.accounts[key]
        return {"apiKey": key, "secret": account.secret, "password": account.password}

    def hang_up(self, *, key: str = "", topic: str = "") -> int:
        """Close websockets: of one account, with one topic, or all; return how many."""
        chosen = [
            socket for socket in self.dialect.sockets
            if key in ("", socket.key) and (not topic or topic in socket.topics)
        ]  # fmt: skip
        for socket in chosen:
            socket.hang_up()
        return len(chosen)

    # --- HTTP ----------------------------------------------------------------------------------

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, or open a websocket."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        if request.path.startswith("/_venue/"):
            return await control.obey(self, request)
        call = Call(
            method=request.method, path=request.path, query=request.raw_path.partition("?")[2],
            body=await request.text() if request.can_read_body else "", headers=request.headers,
            address=request.remote or "", at_s=time.monotonic(),
        )  # fmt: skip
        call.facts = self.dialect.facts(call)
        self._count(call)
        try:
            answer, cut = await self._answer(call)
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if cut is not None and not cut.honest:
            return await _truncated(request, answer, cut.keep)
        body = answer.body if cut is None else answer.body[: cut.keep]
        return web.Response(status=answer.status, body=body, headers=answer.headers)

    def _count(self, call: Call) -> None:
        self.counts.calls[call.method, call.path, call.facts.key] += 1
        self.counts.addresses[call.address] += 1
        self.counts.weights[call.address, int(call.at_s) // 60] += self.dialect.weight(call)
        if self.keeps_calls:
            self.calls.append(call)

    async def _answer(self, call: Call) -> tuple[Answer, Cut | None]:
        """The answer, and whether it arrives whole."""
        banned = self.faults.banned(call)
        if banned is not None:
            return self._limited(*banned), None
        used = self.counts.weights[call.address, int(call.at_s) // 60]
        if self.limits_weight and used > self.dialect.weight_per_minute:
            self.faults.ban(call.address, seconds=60 - call.at_s % 60)
            return self._limited(429, 60 - int(call.at_s % 60)), None
        does = self.faults.of(call)
        if not does:
            return self.dialect.answer(call), None
        return await self._fail(call, does)

    async def _fail(self, call: Call, does: tuple[Any, ...]) -> tuple[Answer, Cut | None]:
        for act in does:
            match act:
                case Delay(after=False):
                    await asyncio.sleep(act.seconds)
                case Hang(before=True):
                    await self._never()
                case Drop(before=True):
                    raise Dropped
                case Reply(after=False):
                    return _said(act), None
                case Refuse(after=False):
                    return self.dialect.refusal(act.why), None
                case Ban():
                    self.faults.ban(call.address, seconds=act.seconds, status=act.status)
                    return self._limited(act.status, int(act.seconds) + 1), None
        seen = len(self.engine.journal.lines)
        answer = self.dialect.answer(call)
        return await self._fail_after(does, answer, seen)

    async def _fail_after(
        self, does: tuple[Any, ...], answer: Answer, seen: int
    ) -> tuple[Answer, Cut | None]:
        cut: Cut | None = None
        for act in does:
            match act:
                case Hide():
                    self.engine.hide_since(seen, until_s=time.monotonic() + act.seconds)
                case Unlist():
                    self.engine.hide_since(seen, until_s=None)
                case Delay(after=True):
                    await asyncio.sleep(act.seconds)
                case Hang(before=False):
                    await self._never()
                case Drop(before=False):
                    raise Dropped
                case Reply(after=True):
                    answer = _said(act)
                case Refuse(after=True):
                    answer = self.dialect.refusal(act.why)
                case Cut():
                    cut = act
        return answer, cut

    def _limited(self, status: int, seconds: int) -> Answer:
        why = Trouble.BANNED if status == 418 else Trouble.RATE_LIMITED
        answer = self.dialect.refusal(why)
        headers = {**answer.headers, "Retry-After": str(seconds)}
        return Answer(status=status, body=answer.body, headers=headers)

    async def _never(self) -> None:
        await self.closing.wait()
        raise Dropped

    # --- websocket -------------------------------------------------------------------------------

    async def _socket(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.streams.refuses:
            return web.Response(status=503)
        self.counts.connects += 1
        web_socket = web.WebSocketResponse(autoping=True, compress=False)
        await web_socket.prepare(request)
        socket = Socket(web_socket, request.path, request.raw_path.partition("?")[2])
        self.dialect.sockets.add(socket)
        self.dialect.opened(socket)
        writer = asyncio.create_task(self._write(socket))
        try:
            async for message in web_socket:
                if message.type is WSMsgType.TEXT:
                    self.dialect.heard(socket, message.data)
        finally:
            self.dialect.sockets.discard(socket)
            writer.cancel()
        return web_socket

    async def _write(self, socket: Socket) -> None:
        while (frame := await socket.frames.get()) is not None:
            for text in self.streams.outgoing(socket, *frame):
                try:
                    await socket.web_socket.send_str(text)
                except ConnectionError:
                    return
                self.streams.sent += 1
        await socket.web_socket.close()


def _said(act: Reply) -> Answer:
    headers = {"Content-Type": act.content_type, **dict(act.headers)}
    return Answer(status=act.status, body=act.body.encode(), headers=headers)


async def _truncated(request: web.BaseRequest, answer: Answer, keep: int) -> web.StreamResponse:
    length = {"Content-Length": str(len(answer.body))}
    response = web.StreamResponse(status=answer.status, headers={**answer.headers, **length})
    await response.prepare(request)
    await response.write(answer.body[:keep])
    if request.transport is not None:
        request.transport.close()
    return response


def _tables(name: str, body: dict[str, Any]) -> str:
    plain = [f"{key} = {dump(value).decode()}" for key, value in body.items()
             if not isinstance(value, dict)]  # fmt: skip
    nested = [_tables(f"{name}.{key}", each) for key, each in body.items()
              if isinstance(each, dict)]  # fmt: skip
    return "\n".join([*([f"[{name}]"] if plain else []), *plain, *nested])


def build(
    name: str, *, accounts: Iterable[str] = (), markets: Iterable[Market] | None = None
) -> Venue:
    """An exchange that does not listen yet; BTC is at 50000 and ETH at 2500."""
    spoken: type[Dialect] = import_module(DIALECTS[name]).DIALECT
    engine = Engine(spoken.markets() if markets is None else markets, rules=spoken.rules)
    for market in engine.markets.values():
        engine.set_price(market.id, PRICES.get(market.base, Decimal(100)))
    it = Venue(spoken(engine))
    for key in accounts:
        it.add_account(key)
    return it


@asynccontextmanager
async def listening(it: Venue, *, port: int = 0) -> AsyncIterator[Venue]:
    """Serve on 127.0.0.1 until the block ends; port 0 is a free one."""
    server = web.Server(it.handle, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    it.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield it
    finally:
        it.closing.set()
        for socket in list(it.dialect.sockets):
            await socket.web_socket.close()
        await runner.cleanup()


@asynccontextmanager
async def venue(
    name: str, *, accounts: Iterable[str] = (), markets: Iterable[Market] | None = None,
    port: int = 0,
) -> AsyncIterator[Venue]:  # fmt: skip
    """A running exchange that speaks the dialect ``name``."""
    async with listening(build(name, accounts=accounts, markets=markets), port=port) as it:
        yield it


__all__ = ["Counts", "Facts", "Venue", "build", "listening", "venue"]
