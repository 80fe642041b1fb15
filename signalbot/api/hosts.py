"""Refuses requests that a web page has sent us by way of a name that is not ours."""

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from signalbot.api.callers import TRUSTED
from signalbot.api.problems import problem

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
"""What a listener on loopback is called."""


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
        answer = problem(HTTPStatus.MISDIRECTED_REQUEST, "this is not the host that was asked for")
        await answer(scope, receive, send)


def _host(scope: Scope) -> str:
    """The name of the Host header, without its port."""
    text: str = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
