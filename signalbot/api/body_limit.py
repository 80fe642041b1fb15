"""Limits the size of request bodies."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalbot.api.problems import problem_response

MAX_BODY_BYTES = 65_536
"""Maximum size of a request body."""

_DIGITS = 18
_TOO_LARGE = f"the body is larger than {MAX_BODY_BYTES} bytes"


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
