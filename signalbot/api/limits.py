"""Keeps one client from taking what belongs to all: body size, request rate, foreign hosts."""

from collections import OrderedDict
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalbot.api.callers import TRUSTED
from signalbot.api.problems import problem
from signalbot.ports import Clock

MOST_BYTES = 65_536
"""The largest body of a request."""

BURST_S = 10.0
"""So many seconds' requests may come at once."""

_MOST_CLIENTS = 10_000


_TOO_LARGE = f"the body is larger than {MOST_BYTES} bytes"


class BodyLimit:
    """Refuses bodies beyond ``MOST_BYTES``, whatever their headers say."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _declared(scope) > MOST_BYTES:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            answer = problem(status, _TOO_LARGE, headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


class RateLimit:
    """Token buckets by bearer token, else by address."""

    def __init__(self, app: ASGIApp, *, per_second: float, clock: Clock) -> None:
        self._app = app
        self._per_second = per_second
        self._burst = per_second * BURST_S
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get(TRUSTED):
            await self._app(scope, receive, send)
            return
        wait_s = self._take(_client(scope))
        if wait_s <= 0:
            await self._app(scope, receive, send)
            return
        answer = problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"more than {self._per_second:g} requests a second",
            headers={"Retry-After": str(max(1, round(wait_s)))},
        )
        await answer(scope, receive, send)

    def _take(self, client: str) -> float:
        """Seconds until the next request of this client is in order; 0 when this one is."""
        now_s = self._clock.now_ms() / 1000
        level, then_s = self._buckets.pop(client, (self._burst, now_s))
        level = min(self._burst, level + (now_s - then_s) * self._per_second)
        wait_s = 0.0 if level >= 1 else (1 - level) / self._per_second
        self._buckets[client] = (level - 1 if wait_s == 0 else level, now_s)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return wait_s


def _declared(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


def _client(scope: Scope) -> str:
    headers: dict[bytes, Any] = dict(scope["headers"])
    token = headers.get(b"authorization")
    address = scope["client"][0] if scope.get("client") else "local"
    return f"token {hash(token)}" if token else f"address {address}"
