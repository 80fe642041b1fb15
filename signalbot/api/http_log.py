"""Logs requests, and limits uvicorn's own log, which clients must not fill.

A request is one line: method, route, status and duration, never content.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from signalbot.api.token_buckets import TokenBuckets
from signalbot.ports import Clock

log = structlog.get_logger()

_PER_SECOND = 1 / 60
_BURST = 10


class AccessLog:
    """Logs the route, not the path: webhook paths contain tokens."""

    def __init__(self, app: ASGIApp, *, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        begun_ms = self._clock.now_ms()

        async def observed(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            route = scope.get("route")
            log.debug(
                "api.request_completed",
                method=scope["method"],
                route="none" if route is None else route.path,
                status=status,
                duration_ms=self._clock.now_ms() - begun_ms,
            )


class IgnoreDisconnects:
    """Ignores clients that disconnect during a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except* (ClientDisconnect, WebSocketDisconnect):
            pass


class LogRateLimit(logging.Filter):
    """Passes few records per minute: most are caused by invalid client input."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._records = TokenBuckets(per_second=_PER_SECOND, burst=_BURST, clock=clock)

    def filter(self, record: logging.LogRecord) -> bool:
        return self._records.take(record.name) == 0


@contextmanager
def quiet_uvicorn(clock: Clock) -> Iterator[None]:
    """Reduce uvicorn's log for the duration of the block; the daemon logs what matters."""
    logger = logging.getLogger("uvicorn.error")
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    rate_limit = LogRateLimit(clock)
    logger.addFilter(rate_limit)
    try:
        yield
    finally:
        logger.removeFilter(rate_limit)
