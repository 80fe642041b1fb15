"""Middleware of every request: accepted hosts, body size, security headers."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalbot.api.auth import TRUSTED
from signalbot.api.problems import problem_response

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names of a loopback listener."""

MAX_BODY_BYTES = 65_536
"""Maximum size of a request body."""

_DIGITS = 18
_TOO_LARGE = f"the body is larger than {MAX_BODY_BYTES} bytes"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class HostGuard:
    """Answers only to its own names: a page cannot rebind its DNS name to loopback and read us."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_foreign = (
            self._hosts is not None
            and scope["type"] == "http"
            and not scope.get(TRUSTED)
            and _host(scope) not in self._hosts
        )
        if not is_foreign:
            await self._app(scope, receive, send)
            return
        response = problem_response(HTTPStatus.MISDIRECTED_REQUEST, "unknown host name")
        await response(scope, receive, send)


def is_foreign_origin(headers: Mapping[str, str], hosts: frozenset[str] | None) -> bool:
    """Whether a web page of another host opens this connection; programs send no Origin."""
    origin = headers.get("origin")
    if origin is None:
        return False
    name = _name(origin.partition("://")[2])
    return name != _name(headers.get("host", "")) or (hosts is not None and name not in hosts)


def _host(scope: Scope) -> str:
    return _name(dict(scope["headers"]).get(b"host", b"").decode("latin-1"))


def _name(text: str) -> str:
    """Return the name of ``NAME:PORT`` without the port."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class BodyLimit:
    """Rejects bodies beyond ``MAX_BODY_BYTES``, regardless of their headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _declared(scope) > MAX_BODY_BYTES:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            response = problem_response(status, _TOO_LARGE, headers={"Connection": "close"})
            await response(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


def _declared(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() and len(text) <= _DIGITS else 0  # h11 rejects longer ones


class SafeHeaders:
    """Adds security headers that a response does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name for name, _ in given}
                message["headers"] = [*given, *(each for each in _HEADERS if each[0] not in names)]
            await send(message)

        await self._app(scope, receive, safely if scope["type"] == "http" else send)
