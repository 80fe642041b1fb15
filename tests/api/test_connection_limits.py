"""A listener's connections are bounded, and those that hold their place for nothing lose it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from signalbot.api.connection_limiter import ConnectionLimiter, build_connection_limiter
from signalbot.api.server import _Server, _server, serve_fairly
from signalbot.settings.daemon import ApiSettings
from signalbot.tasks import SystemClock
from tests.api.api_daemon import daemon

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HALVES = (
    b"",
    b"GET / HT",
    b"GET / HTTP/1.1\r\nHost: x\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
)


CONFIG = """
[api]
listen = "127.0.0.1:{port}"
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
price = 60000
[users.anna]
[users.anna.account]
exchange = "sim"
[users.anna.subscriptions.tv]
"""


class App:
    """Answers at once, or once it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.asked = 0
        self.answer = b"fine"

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.asked += 1
        await self.may.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.answer})


_opened: list[asyncio.StreamWriter] = []


@pytest.fixture(autouse=True)
async def closing() -> AsyncIterator[None]:
    """Nothing that a test opened stays open."""
    yield
    for writer in _opened:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
    _opened.clear()


@asynccontextmanager
async def _listening(
    app: ASGIApp,
    *,
    most: int = 8,
    per_address: int = 8,
    request_s: float = 0.3,
    stalled_s: float = 0.3,
) -> AsyncIterator[tuple[int, ConnectionLimiter]]:
    """A server on a port; what its connections are bounded by."""
    connections = ConnectionLimiter(
        max_connections=most,
        max_per_address=per_address,
        request_timeout_s=request_s,
        stall_timeout_s=stalled_s,
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        listener.setblocking(False)
        server: _Server = _server(app, connections)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(serve_fairly(server, listener, SystemClock()))
            try:
                yield listener.getsockname()[1], connections
            finally:
                if isinstance(app, App):
                    app.may.set()
                server.should_exit = True
                await asyncio.wait([serving], timeout=10)


async def _open(
    port: int, sent: bytes = b"", *, host: str = "127.0.0.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection from ``host``, on which ``sent`` was written."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    _opened.append(writer)
    writer.write(sent)
    with suppress(ConnectionError):
        await writer.drain()
    return reader, writer


async def _ended(reader: asyncio.StreamReader) -> None:
    """Return when the other side has ended the connection."""
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            while await reader.read(65_536):
                pass


async def _answered(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.readuntil(b"fine")


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the other side tells nothing
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("half", HALVES)
async def test_a_request_that_does_not_end_is_ended(half: bytes) -> None:
    """Whatever of it is there: nothing, part of its head, part of its body."""
    async with _listening(App()) as (port, connections):
        reader, _ = await _open(port, half)
        await _ended(reader)
        assert len(connections) == 0


async def test_a_byte_now_and_then_does_not_prolong_a_request() -> None:
    """The deadline is for the whole of it."""
    async with _listening(App()) as (port, _):
        reader, writer = await _open(port, b"GET / HTTP/1.1\r\nX: ")

        async def drip() -> None:
            with suppress(ConnectionError):
                while True:
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            dripping = group.create_task(drip())
            await _ended(reader)
            dripping.cancel()


async def test_a_second_request_has_its_own_deadline() -> None:
    """A connection that was answered may ask again, wholly; half of it is ended again."""
    async with _listening(App()) as (port, _):
        reader, writer = await _open(port, REQUEST)
        await _answered(reader)
        writer.write(REQUEST)
        await _answered(reader)
        writer.write(REQUEST[:-4])
        await _ended(reader)


async def test_an_answer_that_takes_its_time_is_waited_for() -> None:
    """The deadline is the client's, not the daemon's."""
    app = App()
    app.may.clear()
    async with _listening(app, request_s=0.05) as (port, connections):
        reader, _ = await _open(port, REQUEST)
        others = [await _open(port, half) for half in HALVES]
        for other, _ in others:
            await _ended(other)
        assert len(connections) == 1
        app.may.set()
        await _answered(reader)


async def test_an_answer_that_is_not_read_is_given_up() -> None:
    """What waits to be sent takes memory, and the connection a place."""
    app = App()
    app.answer = b"x" * 30_000_000
    async with _listening(app) as (port, connections):
        _, writer = await _open(port, REQUEST)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await _until(lambda: app.asked)
        await _until(lambda: len(connections) == 0)


async def test_a_whole_request_finds_a_place_however_many_halves_there_are() -> None:
    """The oldest that hold a place for nothing give way, long before their time is over."""
    async with _listening(App(), request_s=60) as (port, connections):
        halves = [await _open(port, HALVES[1]) for _ in range(30)]
        reader, _ = await _open(port, REQUEST)
        await _answered(reader)
        assert len(connections) <= connections.max_connections
        await _ended(halves[0][0])


async def test_what_is_at_work_does_not_give_way() -> None:
    """When every place is taken by one that is being answered, a new one is turned away."""
    app = App()
    app.may.clear()
    async with _listening(app, most=4) as (port, _):
        readers = [(await _open(port, REQUEST))[0] for _ in range(4)]
        await _until(lambda: app.asked == 4)
        late, _ = await _open(port, REQUEST)
        await _ended(late)
        app.may.set()
        for reader in readers:
            await _answered(reader)


async def test_one_address_cannot_take_the_places_of_others() -> None:
    """Neither up to its own limit nor beyond all."""
    async with _listening(App(), most=8, per_address=4, request_s=60) as (port, connections):
        quiet, _ = await _open(port, host="127.0.0.2")
        await _until(lambda: len(connections) == 1)
        for _ in range(20):
            await _open(port, HALVES[2], host="127.0.0.3")
        await _until(lambda: len(connections) == 5)
        assert connections.dropped >= 16
        for _ in range(20):
            for number in (4, 5):
                await _open(port, HALVES[2], host=f"127.0.0.{number}")
        await _until(lambda: connections.dropped >= 50)
        assert not quiet.at_eof()


async def test_connections_of_known_callers_give_way_last() -> None:
    """A client that has shown a valid token keeps its idle connection against strangers."""
    async with _listening(App(), most=4, request_s=60) as (port, connections):
        known, writer = await _open(port, REQUEST)
        await _answered(known)
        connections.mark_authenticated(writer.get_extra_info("sockname"))
        for _ in range(20):
            await _open(port, HALVES[1])
        await _until(lambda: connections.dropped >= 17)
        writer.write(REQUEST)
        await _answered(known)


async def test_an_answer_that_is_held_back_gives_way() -> None:
    """Nothing is lost with it, so strangers that are answered late take nobody's place."""
    app = App()
    app.may.clear()
    async with _listening(app, most=2, request_s=60) as (port, connections):
        await _open(port, REQUEST)
        held, writer = await _open(port, REQUEST)
        await _until(lambda: app.asked == 2)
        with connections.delaying(writer.get_extra_info("sockname")):
            reader, _ = await _open(port, REQUEST)
            await _ended(held)
        late, _ = await _open(port, REQUEST)
        await _ended(late)
        app.may.set()
        await _answered(reader)


@pytest.mark.parametrize(
    "pieces", [[b"x"] * 1_000, [b"x" * 100] * 400, [b"x" * 4_000] + [b"x"] * 100]
)
async def test_a_body_in_very_many_pieces_is_refused(pieces: list[bytes]) -> None:
    """A chunk of one byte costs the parser what a whole one does: tens of thousands are seconds."""
    async with _listening(App(), request_s=60) as (port, _):
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces)
        reader, _ = await _open(port, CHUNKED + chunks + b"0\r\n\r\n")
        assert b" 400 " in await asyncio.wait_for(reader.readline(), 10)
        await _ended(reader)


@pytest.mark.parametrize("pieces", [[b"x"] * 20, [b"x" * 1_000] * 64, [b"x" * 65_536]])
async def test_a_body_in_chunks_is_taken(pieces: list[bytes]) -> None:
    """As programs send them that do not know the length beforehand."""
    async with _listening(App(), request_s=60) as (port, _):
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces)
        reader, _ = await _open(port, CHUNKED + chunks + b"0\r\n\r\n")
        await _answered(reader)


async def test_a_body_whose_length_is_told_in_two_ways_is_refused() -> None:
    """A proxy in front could believe the other one."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    app = App()
    async with _listening(app, request_s=60) as (port, _):
        reader, _ = await _open(port, head + b"0\r\n\r\n" + REQUEST)
        assert b" 400 " in await asyncio.wait_for(reader.readline(), 10)
        await _ended(reader)
        assert app.asked == 0


async def test_what_follows_an_answer_and_is_no_request_is_no_failure_of_ours() -> None:
    """An answer may come before its request's end; what comes then is dropped without a word."""
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, found: failures.append(found))

    async def refuse(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    async with _listening(refuse, request_s=60) as (port, _):
        reader, writer = await _open(port, CHUNKED + b"1\r\nx\r\n")
        await _answered(reader)
        writer.write(b"no chunk\r\n\r\n")
        await _ended(reader)
    assert failures == []


async def _counting(_: Scope, receive: Receive, send: Send) -> None:
    """Accept a WebSocket, and take what it sends."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.mark.parametrize("opcode", [0x00, 0x01, 0x09, 0x0A])
async def test_a_socket_that_sends_empty_frames_without_end_is_ended(opcode: int) -> None:
    """Continuations, texts, pings and pongs: each is six bytes, and as much work as a whole one."""
    async with _listening(_counting, request_s=60) as (port, connections):
        reader, writer = await _open(port, UPGRADE)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        if opcode == 0:
            writer.write(b"\x01\x80\0\0\0\0")
        last = 0 if opcode == 0 else 0x80
        writer.write(bytes([last | opcode, 0x80, 0, 0, 0, 0]) * 1_000)
        await _ended(reader)
        assert len(connections) == 0


async def test_a_socket_that_was_closed_gives_way_though_its_sender_was_known() -> None:
    """The other side need not answer the close: until it does, nothing is done for it."""
    closed = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal closed
        if scope["type"] == "http":
            await App()(scope, receive, send)
            return
        await receive()
        connections.mark_authenticated(scope["client"])
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1013, "reason": "too many"})
        closed += 1

    async with _listening(app, most=2, request_s=60) as (port, connections):
        first, _ = await _open(port, UPGRADE)
        await _open(port, UPGRADE)
        await _until(lambda: closed == 2)
        reader, _ = await _open(port, REQUEST)
        await _answered(reader)
        await _ended(first)


@pytest.mark.parametrize(
    "request_",
    [
        UPGRADE.replace(b"GET", b"POST"),
        UPGRADE.replace(b"Host: x\r\n", b"Host: x\r\n" + b"X: y\r\n" * 200),
        UPGRADE.replace(b"GET /", b"GET /" + b"a" * 9_000),
    ],
)
async def test_what_never_becomes_a_socket_is_ended(request_: bytes) -> None:
    """It asks to be one in a way that is not understood, and is left without an answer."""
    async with _listening(_counting) as (port, connections):
        reader, _ = await _open(port, request_)
        await _ended(reader)
        assert len(connections) == 0


async def test_orders_have_their_turn_however_many_connections_wait() -> None:
    """Of five hundred that come at once, only a few are taken on in a turn of the loop."""
    async with _listening(App(), most=600, per_address=600) as (port, connections):
        turns: list[int] = []
        opening = asyncio.create_task(asyncio.to_thread(_burst, port, 100))
        async with asyncio.timeout(10):
            while not opening.done() or len(connections) < 100:
                turns.append(len(connections))
                await asyncio.sleep(0)
        for each in await opening:
            each.close()
        assert max(after - before for before, after in pairwise(turns)) <= 16


def _burst(port: int, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]


def test_most_files_are_kept_back_for_everything_else() -> None:
    """However many connections are configured; a proxy is not limited as one address."""
    terms = ApiSettings(host="127.0.0.1", port=1, tls_behind_proxy=False, max_connections=2_000)
    assert build_connection_limiter(terms, open_files=1_024).max_connections == 256
    assert build_connection_limiter(terms, open_files=65_536).max_connections == 2_000


@pytest.mark.process
@pytest.mark.timeout(120)
async def test_the_daemon_obeys_while_strangers_hold_a_thousand_connections(
    tmp_path: Path,
) -> None:
    """With as few files as some systems allow: alerts, the command line and trading go on."""
    with daemon(tmp_path, text=CONFIG, started=False) as running:
        secret = running.command("token", "create", "--source", "tv").strip()
        await asyncio.to_thread(running.start, open_files=512)
        await asyncio.to_thread(running.until, lambda: "api.listening" in running.log)
        halves = []
        for number in range(1_000):
            with suppress(OSError):
                half, host = HALVES[number % len(HALVES)], f"127.0.0.{number % 9 + 2}"
                halves.append(await _open(running.port, half, host=host))
        body = b'{"action": "buy", "id": "1"}'
        head = f"POST /hooks/tv/{secret} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        sent = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        reader, _ = await _open(running.port, sent)
        assert b"202" in await asyncio.wait_for(reader.readline(), 30)
        await asyncio.to_thread(running.command, "halt")
        await asyncio.to_thread(running.command, "unhalt")
        sql = "SELECT * FROM positions WHERE status = 'OPEN'"
        await asyncio.to_thread(running.until, lambda: running.rows(sql), "anna trades")
        assert "Too many open files" not in running.log
