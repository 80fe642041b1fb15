"""The exchange on 127.0.0.1: one HTTP and websocket server, counting, failing when told to.

    async with venue("binance", accounts=["alice"]) as it:
        client = ccxt.binanceusdm({"apiKey": "alice", "secret": "alice-secret", **it.ccxt_config()})
        it.engine.set_price("BTCUSDT", Decimal(50_100))

A key's secret is ``KEY-secret`` and its passphrase ``KEY-password`` unless said otherwise.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib import import_module
from typing import Any

from aiohttp import WSMsgType, web

from tests.venue import control
from tests.venue.http_wire import Dialect, Facts, Socket, dump
from tests.venue.model import Account, Market
from tests.venue.request_handling import Answering, Counts
from tests.venue.streams import Streams

DIALECTS = {name: f"tests.venue.{name}" for name in ("binance", "bybit", "okx")}
#: Those that suites over every dialect of perpetuals do not run on.
OTHERS = {name: f"tests.venue.{name}" for name in (
    "binance_spot", "htx", "mexc", "bitget", "kraken", "krakenfutures",
)}  # fmt: skip
PRICES = {"BTC": Decimal(50_000), "ETH": Decimal(2_500), "DOGE": Decimal("0.1")}


class Venue(Answering):
    """One running exchange."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.streams = Streams()
        self.url = ""

    # --- for tests ---------------------------------------------------------------------------

    def add_account(self, key: str, **more: Any) -> Account:
        """Open an account; ``more`` are fields of ``Account``."""
        return self.engine.add(key, **{"password": f"{key}-password", **more})

    def list_spot(self) -> None:
        """Trade the dialect's spot pairs beside its perpetuals from now on."""
        for market in self.dialect.spot_markets():
            self.engine.list_market(market, PRICES.get(market.base, Decimal(100)))

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
        return await self.answer_http(request)

    # --- websocket -------------------------------------------------------------------------------

    async def _socket(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.streams.refuses:
            return web.Response(status=503)
        self.counts.connects += 1
        web_socket = web.WebSocketResponse(autoping=True, compress=False)
        await web_socket.prepare(request)
        socket = Socket(web_socket, request.path, request.raw_path.partition("?")[2])
        socket.memory["host"] = request.headers.get("Host", "")
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
                payload = self.dialect.encode(socket, text)
                try:
                    if isinstance(payload, bytes):
                        await socket.web_socket.send_bytes(payload)
                    else:
                        await socket.web_socket.send_str(payload)
                except ConnectionError:
                    return
                self.streams.sent += 1
        await socket.web_socket.close()


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
    spoken: type[Dialect] = import_module((DIALECTS | OTHERS)[name]).DIALECT
    listed = spoken.markets() if markets is None else markets
    engine = spoken.engine_class(listed, rules=spoken.rules)
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
