"""One log line for each request: what was asked for and how it ended, never what it carried."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalbot.ports import Clock

log = structlog.get_logger()


class AccessLog:
    """Tells the route, not the address: tokens of webhooks stand in theirs."""

    def __init__(self, app: ASGIApp, *, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        begun_ms = self._clock.now_ms()

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = scope.get("route")
            log.debug(
                "api.request_completed",
                method=scope["method"],
                route="none" if route is None else route.path,
                status=status,
                duration_ms=self._clock.now_ms() - begun_ms,
            )
