"""``Idempotency-Key``: a request that creates something is carried out once, however often sent.

The first answer is kept for a day and given again. The same key with another request is refused.
"""

import hashlib
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, HTTPException, Request, Response

from signalbot.api.bodies import StrictRequest, StrictRoute
from signalbot.api.callers import Gate
from signalbot.domain.errors import SignalbotError
from signalbot.ledger.answers import Answers
from signalbot.ports import Clock

REPLAYED = "Idempotency-Replayed"
"""Header of an answer that was given before."""

_LONGEST_KEY = 128

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=_LONGEST_KEY,
        description="Carried out once: sent again, the request gets the first answer again.",
    ),
]
"""Declares the header in the OpenAPI document; ``RepeatableRoute`` acts on it."""


class RepeatableRoute(StrictRoute):
    """A route that answers a request with a known key as it was answered first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            gate: Gate = request.app.state.context.gate
            caller = None if key is None else await gate.caller(request)
            if key is None or caller is None or len(key) > _LONGEST_KEY:
                return await answer(request)
            whole = StrictRequest(request.scope, request.receive)
            return await _once(whole, answer, author=caller.name, key=key)

        return once


async def _once(
    request: Request,
    answer: Callable[[Request], Coroutine[Any, Any, Response]],
    *,
    author: str,
    key: str,
) -> Response:
    answers: Answers = request.app.state.context.answers
    clock: Clock = request.app.state.context.clock
    fingerprint = await _fingerprint(request)
    known = await answers.claim(author, key, fingerprint=fingerprint, now_ms=clock.now_ms())
    if known is not None:
        return _again(known.fingerprint == fingerprint, known.status, known.body)
    try:
        response = await answer(_replayable(request, await request.body()))
    except (HTTPException, SignalbotError):
        await answers.forget(author, key)
        raise
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        await answers.forget(author, key)
    else:
        body = bytes(response.body)
        await answers.keep(author, key, status=response.status_code, body=body)
    return response


def _again(is_same: bool, status: int | None, body: bytes | None) -> Response:
    if not is_same:
        raise HTTPException(
            HTTPStatus.CONFLICT, "this Idempotency-Key was used for another request"
        )
    if status is None:
        raise HTTPException(HTTPStatus.CONFLICT, "the first request is still being carried out")
    return Response(
        body, status_code=status, media_type="application/json", headers={REPLAYED: "true"}
    )


async def _fingerprint(request: Request) -> str:
    whole = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return hashlib.sha256(whole).hexdigest()


def _replayable(request: Request, body: bytes) -> Request:
    """The request once more, with its body still to be read."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
