"""What strangers do to connections is no news: it fills no log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from signalbot.api.token_buckets import TokenBuckets
from signalbot.ports import Clock

_PER_SECOND = 1 / 60
_BURST = 10


class IgnoreDisconnects:
    """Ends quietly what serves somebody who has left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except* (ClientDisconnect, WebSocketDisconnect):
            pass


class LogRateLimit(logging.Filter):
    """Lets few records through a minute: most are caused by whoever sends something odd."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._records = TokenBuckets(per_second=_PER_SECOND, burst=_BURST, clock=clock)

    def filter(self, record: logging.LogRecord) -> bool:
        return self._records.take(record.name) == 0


@contextmanager
def quiet_uvicorn(clock: Clock) -> Iterator[None]:
    """What uvicorn logs is little for the duration of the block; what matters of it, we say."""
    logger = logging.getLogger("uvicorn.error")
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    rate_limit = LogRateLimit(clock)
    logger.addFilter(rate_limit)
    try:
        yield
    finally:
        logger.removeFilter(rate_limit)
