"""Logs one line per request: method, route, status and duration, never content."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalbot.ports import Clock

log = structlog.get_logger()


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
