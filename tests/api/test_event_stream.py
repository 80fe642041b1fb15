"""The feed: what happens, to whoever may and wants to hear it, without a gap."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from signalbot.api.event_stream import MAX_CONNECTIONS_PER_TOKEN, SUBSCRIBE_INTERVAL_S
from tests.api.api_daemon import BTC, Daemon, daemon

pytestmark = [pytest.mark.process, pytest.mark.timeout(120), pytest.mark.xdist_group("api-feed")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with Anna and Ben."""
    folder: Path = tmp_path_factory.mktemp("daemon")
    with daemon(folder) as each:
        each.client(None)
        yield each


@asynccontextmanager
async def _feed(
    running: Daemon, token: str | None, **options: Any
) -> AsyncIterator[ClientConnection]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = running.url.replace("http", "ws") + "/ws/signals"
    async with connect(url, additional_headers=headers, **options) as socket:
        yield socket


async def _subscribe(socket: ClientConnection, **wish: Any) -> int:
    await socket.send(json.dumps({"type": "subscribe", **wish}))
    told = json.loads(await asyncio.wait_for(socket.recv(), 10))
    assert told["type"] == "subscribed"
    at: int = told["at"]
    return at


async def _next(socket: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return event


async def _send(running: Daemon, action: str, key: str) -> None:
    await asyncio.to_thread(running.command, "send", "trend", BTC, action, "--key", key)


async def _closed(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), 10)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_each_user_hears_of_its_own_trade(running: Daemon) -> None:
    """The signal, then its own decision, execution and position; nobody else's."""
    token = running.command("token", "create", "--user", "anna").strip()
    async with _feed(running, token) as socket:
        await _subscribe(socket)
        await _send(running, "LONG", "one")
        kinds, users = [], set()
        while "position.protected" not in kinds:
            event = await _next(socket)
            kinds.append(event["kind"])
            users.add(event["user_id"])
        assert kinds[0] == "signal.created"
        assert {"decision.accepted", "execution.executed", "position.opened"} <= set(kinds)
        assert users == {None, "anna"}


async def test_a_client_that_comes_back_has_missed_nothing(running: Daemon) -> None:
    """From the last event it saw, in order, each once; across a restart, too."""
    token = running.command("token", "create", "--admin").strip()
    async with _feed(running, token) as socket:
        at = await _subscribe(socket)
    await _send(running, "EXIT_LONG", "two")
    running.kill()
    running.start()
    running.until(lambda: running.log.count("api.listening") == 2, "it listens again")
    await _send(running, "EXIT_LONG", "three")
    async with _feed(running, token) as socket:
        now = await _subscribe(socket, since=at)
        ids: list[int] = []
        while not ids or ids[-1] < now:
            ids.append((await _next(socket))["id"])
    known = running.rows("SELECT event_id FROM events WHERE event_id > ? ORDER BY 1", at)
    assert ids == [row["event_id"] for row in known][: len(ids)]
    assert len(ids) == len(set(ids))


async def test_a_filter_may_name_a_kind_of_the_version_before(running: Daemon) -> None:
    """A client written for 0.1 still receives what it filters for, under the present name."""
    token = running.command("token", "create", "--admin").strip()
    async with _feed(running, token) as socket:
        await _subscribe(socket, events=["decision.skip"])
        await _send(running, "EXIT_SHORT", "old filter")
        assert (await _next(socket))["kind"] == "decision.skipped"


async def test_filters_let_only_what_is_wanted_through(running: Daemon) -> None:
    """By kind or topic, by strategy, by market."""
    token = running.command("token", "create", "--admin").strip()
    async with _feed(running, token) as socket:
        await _subscribe(socket, events=["signal"], symbols=["BTC/*"], strategies=["trend"])
        await _send(running, "EXIT_SHORT", "four")
        await _send(running, "EXIT_SHORT", "five")
        assert [(await _next(socket))["kind"] for _ in range(2)] == ["signal.created"] * 2


async def test_tokens_come_by_header_subprotocol_or_first_frame(running: Daemon) -> None:
    """Never by the address; without a valid one the door is shut."""
    token = running.command("token", "create", "--user", "ben").strip()
    async with _feed(running, None, subprotocols=["signalbot", f"bearer.{token}"]) as socket:
        assert socket.subprotocol == "signalbot"
        await _subscribe(socket)
    async with _feed(running, None) as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        await _subscribe(socket)
    async with _feed(running, "wrong") as socket:
        assert await _closed(socket) == 1008
    async with _feed(running, None) as socket:
        await socket.send(json.dumps({"type": "auth", "token": "wrong"}))
        assert await _closed(socket) == 1008
    with pytest.raises(InvalidStatus):
        async with _feed(running, token, origin="https://evil.example"):
            pass


async def test_what_is_not_a_wish_ends_the_connection(running: Daemon) -> None:
    """A client that talks nonsense is told once."""
    token = running.command("token", "create", "--user", "ben").strip()
    for nonsense in ("hello", '{"type": "subscribe", "sinse": 1}', b"\x00"):
        async with _feed(running, token) as socket:
            await socket.send(nonsense)
            assert await _closed(socket) == 1003


async def test_a_client_that_does_not_read_is_let_go_and_hurts_nobody(running: Daemon) -> None:
    """Another hears everything meanwhile."""
    token = running.command("token", "create", "--admin").strip()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        b"GET /ws/signals HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer " + token.encode() + b"\r\n\r\n"
    )
    assert b"101" in await reader.readline()
    async with _feed(running, token) as socket:
        await _subscribe(socket, events=["signal"])
        for number in range(3):
            await _send(running, "EXIT_SHORT", f"slow-{number}")
            assert (await _next(socket))["kind"] == "signal.created"
    writer.close()


async def test_many_subscriptions_are_carried_out_one_after_the_other(running: Daemon) -> None:
    """However many frames a client sends; it is not the daemon that has to keep up."""
    token = running.command("token", "create", "--user", "anna").strip()
    async with (
        _feed(running, token, close_timeout=0.1) as socket,
        _feed(running, token) as other,
    ):
        began_s = time.monotonic()
        frame = json.dumps({"type": "subscribe", "since": 0})
        for _ in range(400):
            await socket.send(frame)
        await _subscribe(other, events=["signal"])
        await _send(running, "EXIT_SHORT", "among frames")
        assert (await _next(other))["kind"] == "signal.created"
        subscribed = 0
        while subscribed < 3:
            subscribed += (await _next(socket))["type"] == "subscribed"
        assert subscribed <= 1 + (time.monotonic() - began_s) / SUBSCRIBE_INTERVAL_S


async def test_a_replay_is_whole_while_new_things_happen(running: Daemon) -> None:
    """From the beginning of the journal to what comes now, each once, in order."""
    token = running.command("token", "create", "--admin").strip()
    async with _feed(running, token) as socket:
        async with asyncio.TaskGroup() as group:
            group.create_task(_send(running, "EXIT_SHORT", "while replaying"))
            await _subscribe(socket, since=0)
        ids: list[int] = []
        while len(ids) < _events(running):
            ids.append((await _next(socket))["id"])
        assert ids == sorted(set(ids))
        assert len(ids) == _events(running)


async def test_one_token_has_so_many_connections(running: Daemon) -> None:
    """The next one is told to try again later; another token's is taken."""
    token = running.command("token", "create", "--user", "anna").strip()
    other = running.command("token", "create", "--user", "ben").strip()
    async with AsyncExitStack() as stack:
        for _ in range(MAX_CONNECTIONS_PER_TOKEN):
            socket = await stack.enter_async_context(_feed(running, token))
            await _subscribe(socket)
        late = await stack.enter_async_context(_feed(running, token))
        assert await _closed(late) == 1013
        await _subscribe(await stack.enter_async_context(_feed(running, other)))


@pytest.mark.parametrize("way", ["api", "command", "ledger"])
async def test_the_feed_of_a_revoked_token_ends_at_once(running: Daemon, way: str) -> None:
    """By whatever hand it was revoked."""
    made = json.loads(running.command("token", "create", "--user", "anna", "--json"))
    admin = running.admin()
    async with _feed(running, made["token"]) as socket:
        await _subscribe(socket)
        if way == "api":
            admin.delete(f"/api/tokens/{made['token_id']}")
        elif way == "command":
            running.command("token", "revoke", made["token_id"])
        else:
            with sqlite3.connect(running.folder / "state" / "signalbot.db") as ledger:
                sql = "UPDATE tokens SET revoked_at_ms = 1 WHERE token_id = ?"
                ledger.execute(sql, (made["token_id"],))
        assert await _closed(socket) == 1008


def _events(running: Daemon) -> int:
    count: int = running.rows("SELECT count(*) AS n FROM events")[0]["n"]
    return count
