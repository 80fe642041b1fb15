"""Rejects requests for foreign host names, as DNS rebinding sends them."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from signalbot.api.auth import TRUSTED
from signalbot.api.problems import problem_response

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names of a loopback listener."""


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
