"""``Idempotency-Key``: a request that creates something is carried out once, however often sent.

The first answer is kept for a day and given again. The same key with another request is refused.
Only routes that declare ``Key`` heed it: they create something, and their answers tell no secret.
"""

import hashlib
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, HTTPException, Request, Response

from signalbot.api.bodies import StrictRoute
from signalbot.api.callers import CALLER, Caller
from signalbot.ledger.answers import MOST_KEYS, Answer, Answers
from signalbot.ports import Clock

HEADER = "Idempotency-Key"

REPLAYED = "Idempotency-Replayed"
"""Header of an answer that was given before."""

_LONGEST_KEY = 128

Key = Annotated[
    str | None,
    Header(
        alias=HEADER,
        max_length=_LONGEST_KEY,
        description="Carried out once: sent again, the request gets the first answer again.",
    ),
]
"""Declares the header: the route is one that ``RepeatableRoute`` answers once."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RepeatableRoute(StrictRoute):
    """A route that, if it declares ``Key``, answers a known key as it was answered first."""

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()
        if not any(each.alias == HEADER for each in self.dependant.header_params):
            return answer

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            caller: Caller | None = request.scope.get(CALLER)
            if key is None or caller is None or len(key) > _LONGEST_KEY:
                return await answer(request)
            return await _once(request, answer, author=caller.name, key=key)

        return once


async def _once(request: Request, answer: Handler, *, author: str, key: str) -> Response:
    answers: Answers = request.app.state.context.answers
    clock: Clock = request.app.state.context.clock
    fingerprint = await _fingerprint(request)
    claim = await answers.claim(author, key, fingerprint=fingerprint, now_ms=clock.now_ms())
    if claim.is_full:
        detail = f"this token has used {MOST_KEYS} idempotency keys within a day"
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, detail)
    if claim.known is not None:
        return _again(claim.known, fingerprint)
    is_kept = False
    try:
        response = await answer(_replayable(request, await request.body()))
        if response.status_code < HTTPStatus.BAD_REQUEST:
            body = bytes(response.body)
            await answers.keep(author, key, status=response.status_code, body=body)
            is_kept = True
    finally:
        if not is_kept:
            await answers.forget(author, key)
    return response


def _again(known: Answer, fingerprint: str) -> Response:
    if known.fingerprint != fingerprint:
        raise HTTPException(
            HTTPStatus.CONFLICT, "this Idempotency-Key was used for another request"
        )
    if known.status is None:
        raise HTTPException(HTTPStatus.CONFLICT, "the first request is still being carried out")
    return Response(
        known.body,
        status_code=known.status,
        media_type="application/json",
        headers={REPLAYED: "true"},
    )


async def _fingerprint(request: Request) -> str:
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(target.encode() + await request.body()).hexdigest()


def _replayable(request: Request, body: bytes) -> Request:
    """The request once more, with its body still to be read."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
