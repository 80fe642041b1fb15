"""What a stranger, or a user with a token, may try against the public listener.

Every attack goes on until its process is ended, from as many addresses of ``127.0.0.0/8`` as it
likes. Only ordinary requests are sent: too many of them, too large, or never finished.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

WORST = b"action=b" + b" " * 65_000 + b"!"
HALVES = (
    b"",
    b"GET / HT",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    b"POST /hooks/tv HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf",
)
UPGRADE = (
    b"GET /ws/signals HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_FAILURES = (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError)


@dataclass(frozen=True)
class Target:
    """The daemon that is attacked, and what a user of it has."""

    port: int
    user_token: str


Attack = Callable[[Target], Awaitable[None]]


def addresses(count: int, *, net: int) -> Iterator[str]:
    """So many addresses of this machine, again and again; each attack has its own ``net``."""
    return cycle([f"127.{net}.{number // 250}.{number % 250 + 1}" for number in range(count)])


async def half_open(target: Target) -> None:
    """A thousand connections from two hundred addresses, none of which ever asks; made anew."""
    await _many(1_000, 200, net=1, work=lambda host: _hold(target, host, HALVES))


async def slow(target: Target) -> None:
    """Four hundred requests that come a byte at a time, heads and bodies."""
    await _many(400, 100, net=2, work=lambda host: _drip(target, host))


async def random_tokens(target: Target) -> None:
    """Requests with a token that was never made, another one each time."""

    def request() -> bytes:
        token = secrets.token_urlsafe(32)
        return _request("GET", "/api/users", f"Authorization: Bearer {token}\r\n")

    await _many(128, 16, net=3, work=lambda host: _ask(target, host, request))


async def many_addresses(target: Target) -> None:
    """As many requests as can be, from two thousand addresses, each on a new connection."""

    def request() -> bytes:
        token = secrets.token_urlsafe(32)
        return _request("GET", "/api/users", f"Authorization: Bearer {token}\r\n")

    await _many(256, 2_000, net=4, work=lambda host: _ask(target, host, request, most=1))


async def worst_bodies(target: Target) -> None:
    """Alerts of 65 kB without a secret, in the form that is the hardest to read."""
    request = _request("POST", "/hooks/tv", "", WORST)
    await _many(64, 250, net=5, work=lambda host: _ask(target, host, lambda: request))


async def guessed_secrets(target: Target) -> None:
    """Alerts with secrets that are guessed, in the path and in the body."""

    def request() -> bytes:
        guess = f"sbt_{secrets.token_urlsafe(32)}"
        if secrets.randbits(1):
            return _request("POST", f"/hooks/tv/{guess}", "", b'{"action": "buy"}')
        return _request("POST", "/hooks/tv", "", f'{{"secret": "{guess}"}}'.encode())

    await _many(128, 250, net=6, work=lambda host: _ask(target, host, request))


async def huge(target: Target) -> None:
    """60 MB with a length and without one, and what nests without end."""
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    head = "POST /api/signals HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    bodies = (
        f"{head}Content-Length: 60000000\r\n\r\n".encode() + b" " * 60_000_000,
        f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 900,
        _request("POST", "/api/signals", "", b"[" * 65_000),
        _request("POST", "/hooks/tv", "", b'{"a":' * 10_000),
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    )
    turns = cycle(bodies)
    await _many(12, 12, net=7, work=lambda host: _ask(target, host, lambda: next(turns), most=1))


async def connections(target: Target) -> None:
    """Connections that are opened and closed again as fast as can be."""
    await _many(64, 2_000, net=8, work=lambda host: _touch(target, host))


async def unread_answers(target: Target) -> None:
    """Requests whose answers are never read, many on each connection."""
    request = _request("GET", "/openapi.json", "") * 50
    await _many(200, 50, net=9, work=lambda host: _hold(target, host, (request,)))


async def tiny_pieces(target: Target) -> None:
    """Bodies in chunks of one byte, and WebSockets that send empty frames, as many as can be."""
    chunks = b"POST /hooks/tv HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    turns = cycle(
        (
            chunks + b"1\r\n \r\n" * 60_000 + b"0\r\n\r\n",
            chunks + b"1\r\n \r\n" * 60_000,
            *(UPGRADE + bytes([opcode, 0x80, 0, 0, 0, 0]) * 60_000 for opcode in (0x89, 0x8A, 1)),
        )
    )
    await _many(64, 250, net=14, work=lambda host: _leave(target, host, next(turns)))


async def sockets_of_strangers(target: Target) -> None:
    """WebSockets that are opened without a token and left so."""
    await _many(400, 100, net=10, work=lambda host: _hold(target, host, (UPGRADE,)))


async def what_is_no_request(target: Target) -> None:
    """What HTTP and WebSocket do not allow, and bodies whose senders leave halfway."""
    upgrade = b"GET /ws/signals HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: "
    socket = (
        b"websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    turns = cycle(
        (
            b"\0\xff\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            upgrade + b"h2c\r\n\r\n",
            upgrade + b"websocket\r\n\r\n",
            upgrade + socket + b"\x81\x82\0\0\0\0\xff\xfe",
            upgrade + socket + b"\xff\xff",
            HALVES[-1],
        )
    )
    await _many(64, 250, net=13, work=lambda host: _leave(target, host, next(turns)))


async def subscriptions_of_a_user(target: Target) -> None:
    """A user that subscribes from the beginning without end, on as many connections as it gets."""
    await _many(32, 1, net=11, work=lambda _: _subscribe(target))


async def requests_of_a_user(target: Target) -> None:
    """A user that lists everything, creates with keys, pauses and resumes, as often as it gets."""
    paths = cycle(
        (
            ("GET", "/api/signals?limit=500", b""),
            ("GET", "/api/positions?limit=500", b""),
            ("GET", "/api/pnl?by=day", b""),
            ("POST", "/api/users/u0/pause", b'{"reason": "@everyone"}'),
            ("POST", "/api/users/u0/resume", b"{}"),
            ("POST", "/api/strategies/tv/subscribe", b'{"settings": {}}'),
        )
    )

    def request() -> bytes:
        method, path, body = next(paths)
        key = secrets.token_hex(8)
        headers = f"Authorization: Bearer {target.user_token}\r\nIdempotency-Key: {key}\r\n"
        kind = "Content-Type: application/json\r\n"
        return _request(method, path, headers + kind, body)

    await _many(32, 8, net=12, work=lambda host: _ask(target, host, request))


ATTACKS: dict[str, Attack] = {
    each.__name__.replace("_", " "): each
    for each in (
        half_open,
        slow,
        random_tokens,
        many_addresses,
        worst_bodies,
        guessed_secrets,
        huge,
        connections,
        unread_answers,
        tiny_pieces,
        sockets_of_strangers,
        what_is_no_request,
        subscriptions_of_a_user,
        requests_of_a_user,
    )
}


def carry_out(name: str, target: Target) -> None:
    """Attack until the process is ended; it gives way to what it attacks on the processors."""
    os.nice(15)
    asyncio.run(_forever(ATTACKS[name], target))


async def _forever(attack: Attack, target: Target) -> None:
    await attack(target)


async def _many(
    count: int, hosts: int, *, net: int, work: Callable[[str], Awaitable[None]]
) -> None:
    """Do ``work`` so many times side by side, each again as soon as it has ended."""
    turns = addresses(hosts, net=net)

    async def again() -> None:
        while True:
            with suppress(*_FAILURES):
                await work(next(turns))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(again())


async def _open(target: Target, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(10):
        return await asyncio.open_connection("127.0.0.1", target.port, local_addr=(host, 0))


async def _hold(target: Target, host: str, sent: tuple[bytes, ...]) -> None:
    """Send something, and nothing more until the other side ends it."""
    reader, writer = await _open(target, host)
    try:
        writer.write(secrets.choice(sent))
        if len(sent) == 1:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(30)
        while await reader.read(65_536):
            pass
    finally:
        writer.transport.abort()


async def _leave(target: Target, host: str, sent: bytes) -> None:
    """Send something and go, at once or when there is an answer."""
    reader, writer = await _open(target, host)
    try:
        writer.write(sent)
        await asyncio.wait_for(reader.read(65_536), secrets.choice((0.01, 0.1, 1)))
    finally:
        writer.transport.abort()


async def _drip(target: Target, host: str) -> None:
    reader, writer = await _open(target, host)
    try:
        if secrets.randbits(1):
            writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
        else:
            writer.write(b"POST /hooks/tv HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.2)
    finally:
        writer.transport.abort()


async def _touch(target: Target, host: str) -> None:
    _, writer = await _open(target, host)
    writer.transport.abort()


async def _ask(
    target: Target, host: str, request: Callable[[], bytes], *, most: int = 1_000
) -> None:
    """Ask on one connection as often as it is answered, up to ``most`` times."""
    reader, writer = await _open(target, host)
    try:
        for _ in range(most):
            writer.write(request())
            await asyncio.wait_for(_answer(reader), 30)
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    await reader.readexactly(length)
    if b"connection: close" in head.lower():
        raise ValueError("closed")


async def _subscribe(target: Target) -> None:
    url = f"ws://127.0.0.1:{target.port}/ws/signals"
    headers = {"Authorization": f"Bearer {target.user_token}"}
    frame = json.dumps({"type": "subscribe", "since": 0})
    try:
        async with connect(url, additional_headers=headers, close_timeout=0.1) as socket:
            for _ in range(200):
                await socket.send(frame)
            async for _ in socket:
                pass
    except WebSocketException:
        await asyncio.sleep(0.05)


def _request(method: str, path: str, headers: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
