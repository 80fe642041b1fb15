"""Serves the API inside the daemon's event loop: TCP, and a Unix socket for the command line."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from signalbot.api.auth import mark_trusted
from signalbot.api.connection_limiter import ConnectionLimiter
from signalbot.api.http_log import quiet_uvicorn
from signalbot.api.limited_protocols import MAX_HEADER_BYTES, protocols
from signalbot.domain.errors import ConfigError
from signalbot.ports import Clock
from signalbot.settings.daemon import ApiSettings
from signalbot.state_dir import SOCKET_NAME
from signalbot.tasks import backoff_s

log = structlog.get_logger()

_BACKLOG = 1024
_ACCEPTS_PER_TURN = 4
_ACCEPT_RETRY_S = 0.1
_MAX_CONTROL_CONNECTIONS = 64
_KEEP_ALIVE_TIMEOUT_S = 5
_SHUTDOWN_TIMEOUT_S = 3
MAX_FRAME_BYTES = 65_536
_START_S = 10.0
_POLL_INTERVAL_S = 0.02


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the daemon stops it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve_api(
    app: ASGIApp,
    settings: ApiSettings,
    *,
    connections: ConnectionLimiter,
    state_dir: Path,
    clock: Clock,
) -> AsyncIterator[None]:
    """Serve both listeners for the duration of the block; ``connections`` limits the public one.

    An address in use does not stop the daemon: it trades, serves the control socket, and retries
    the address.

    Raises:
        ConfigError: the control socket cannot be created.
    """
    path = state_dir / SOCKET_NAME
    control_limiter = ConnectionLimiter(
        max_connections=_MAX_CONTROL_CONNECTIONS, max_per_address=_MAX_CONTROL_CONNECTIONS
    )
    control, public = _server(_trusted(app), control_limiter), _server(app, connections)
    listener = _listen_unix(path)
    with quiet_uvicorn(clock):
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(control.serve(sockets=[listener]), name="control socket"),
                group.create_task(_serve_tcp(public, settings, clock), name="api"),
            ]
            try:
                await _started(control, clock)
                yield
            finally:
                control.should_exit = public.should_exit = True
                await asyncio.wait(tasks, timeout=_SHUTDOWN_TIMEOUT_S * 2)
                for task in tasks:
                    task.cancel()
                with suppress(FileNotFoundError):
                    path.unlink()


async def _serve_tcp(server: _Server, settings: ApiSettings, clock: Clock) -> None:
    for delay_s in backoff_s(initial_s=1.0, max_s=60.0):
        try:
            listener = _listen_tcp(settings)
        except OSError as e:
            log.error("api.bind_failed", address=settings.listen, cause=e.strerror or str(e))
        else:
            log.info("api.listening", address=settings.listen)
            await serve_fairly(server, listener, clock)
            return
        await clock.sleep(delay_s)
        if server.should_exit:
            return


async def serve_fairly(server: uvicorn.Server, listener: socket.socket, clock: Clock) -> None:
    """Serve until the server exits, accepting few connections per turn of the event loop.

    asyncio would accept all pending connections at once, delaying orders.
    """
    with listener:
        async with asyncio.TaskGroup() as group:
            accepting = group.create_task(_accept(server, listener, clock), name="connections")
            try:
                await server.serve(sockets=[])
            finally:
                accepting.cancel()


async def _accept(server: uvicorn.Server, listener: socket.socket, clock: Clock) -> None:
    loop = asyncio.get_running_loop()
    while not server.started:
        await clock.sleep(_POLL_INTERVAL_S)
    async with asyncio.TaskGroup() as group:
        while True:
            for _ in range(_ACCEPTS_PER_TURN):
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError:
                    await clock.sleep(_ACCEPT_RETRY_S)
                else:
                    group.create_task(_take(server, connection), name="connection")
            await clock.sleep(0)


async def _take(server: uvicorn.Server, connection: socket.socket) -> None:
    config = server.config

    def protocol() -> asyncio.Protocol:
        result: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
            config=config, server_state=server.server_state, app_state={}
        )
        return result

    try:
        await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
    except OSError:
        connection.close()


async def _started(server: _Server, clock: Clock) -> None:
    async with asyncio.timeout(_START_S):
        while not server.started:
            await clock.sleep(_POLL_INTERVAL_S)


def _server(app: ASGIApp, connections: ConnectionLimiter) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            date_header=False,
            ws_max_size=MAX_FRAME_BYTES,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            timeout_keep_alive=_KEEP_ALIVE_TIMEOUT_S,
            timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_S,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            **protocols(connections),
        )
    )


def _trusted(app: ASGIApp) -> ASGIApp:
    async def as_administrator(scope: Scope, receive: Receive, send: Send) -> None:
        mark_trusted(scope)
        await app(scope, receive, send)

    return as_administrator


def _listen_tcp(settings: ApiSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _listen_unix(path: Path) -> socket.socket:
    """Create a socket that only the daemon's user may open, replacing one left by a crash."""
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as e:
        listener.close()
        raise ConfigError(f"{path}: cannot listen: {e.strerror or e}") from e
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
