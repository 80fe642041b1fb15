"""What strangers do to their connections is no news: no log grows with them."""

import logging
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from signalbot.api.http_log import IgnoreDisconnects, quiet_uvicorn
from tests.api.api_daemon import daemon
from tests.exchange.simulated.clocks import JumpClock

UPGRADE = b"GET /ws/signals HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: "
SOCKET = (
    b"websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
NO_REQUESTS = (
    b"\0\xff\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    UPGRADE + b"h2c\r\n\r\n",
    UPGRADE + b"websocket\r\n\r\n",
    UPGRADE + SOCKET,
    UPGRADE + SOCKET + b"\x81\x82\0\0\0\0\xff\xfe",
    UPGRADE + SOCKET + b"\xff\xff",
    b"POST /hooks/tv HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf",
    b"POST /api/signals HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{",
)
MOST_LINES = 15


@pytest.mark.process
@pytest.mark.timeout(120)
def test_strangers_fill_no_log(tmp_path: Path) -> None:
    """What is no request, and what is left halfway, is told a few times and no more."""
    with daemon(tmp_path) as running:
        running.client(None)
        before = running.log.count("\n")
        for number in range(30 * len(NO_REQUESTS)):
            with suppress(OSError), socket.create_connection(("127.0.0.1", running.port)) as each:
                each.settimeout(0.01 if number % 3 else 0.2)
                each.sendall(NO_REQUESTS[number % len(NO_REQUESTS)])
                each.recv(1_000)
        running.stop()
        assert "Traceback" not in running.log
        assert running.log.count("\n") - before < MOST_LINES


@pytest.mark.parametrize("left", [ClientDisconnect(), WebSocketDisconnect(1006)])
async def test_whoever_has_left_is_not_told_of(left: Exception) -> None:
    """Alone, or together with others of its kind; what is wrong here is raised."""

    await _serve(left)
    await _serve(ExceptionGroup("tasks", [left, left]))
    with pytest.raises(ExceptionGroup, match="tasks"):
        await _serve(ExceptionGroup("tasks", [left, ValueError("ours")]))


async def _serve(raised: Exception) -> None:
    async def fails(_: Scope, __: Receive, ___: Send) -> None:
        raise raised

    async def nothing(*_: object) -> None:
        """Neither receives nor sends."""

    await IgnoreDisconnects(fails)({"type": "http"}, nothing, nothing)  # type: ignore[arg-type]


def test_what_the_server_says_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Its errors are told, a few a minute; its warnings are about strangers' requests."""
    with quiet_uvicorn(JumpClock(1_700_000_000_000)):
        logger = logging.getLogger("uvicorn.error")
        for _ in range(1_000):
            logger.warning("Invalid HTTP request received.")
            logger.error("wrong")
    assert 1 < len(caplog.records) < MOST_LINES
