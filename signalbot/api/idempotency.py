"""``Idempotency-Key``: executes a creating request once, however often it is sent.

The first response is stored for a day and returned again. The same key with another request is
rejected. Only routes that declare ``IdempotencyKey`` support it: they create objects, and their
responses contain no secrets.
"""

import hashlib
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, HTTPException, Request, Response

from signalbot.api.auth import PRINCIPAL, Principal
from signalbot.api.strict_json import StrictRoute
from signalbot.ledger.idempotency import MAX_KEYS_PER_AUTHOR, IdempotencyStore, StoredResponse
from signalbot.ports import Clock

HEADER = "Idempotency-Key"

REPLAYED = "Idempotency-Replayed"
"""Header of a repeated response."""

_MAX_KEY_LENGTH = 128

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        max_length=_MAX_KEY_LENGTH,
        description="Executes the request once; repeated requests return the first response.",
    ),
]
"""Declares the header and makes ``IdempotentRoute`` apply to the route."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdempotentRoute(StrictRoute):
    """Returns the stored response of a known key if the route declares ``IdempotencyKey``."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        if not any(each.alias == HEADER for each in self.dependant.header_params):
            return handler

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            caller: Principal | None = request.scope.get(PRINCIPAL)
            if key is None or caller is None or len(key) > _MAX_KEY_LENGTH:
                return await handler(request)
            return await _run_once(request, handler, author=caller.name, key=key)

        return once


async def _run_once(request: Request, handler: Handler, *, author: str, key: str) -> Response:
    store: IdempotencyStore = request.app.state.context.idempotency
    clock: Clock = request.app.state.context.clock
    fingerprint = await _fingerprint(request)
    claim = await store.claim(author, key, fingerprint=fingerprint, now_ms=clock.now_ms())
    if claim.is_full:
        detail = (
            f"this token has used {MAX_KEYS_PER_AUTHOR} idempotency keys in one day, the maximum"
        )
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, detail)
    if claim.existing is not None:
        return _repeated_response(claim.existing, fingerprint)
    is_stored = False
    try:
        response = await handler(_replayable(request, await request.body()))
        if response.status_code < HTTPStatus.BAD_REQUEST:
            body = bytes(response.body)
            await store.store_response(author, key, status=response.status_code, body=body)
            is_stored = True
    finally:
        if not is_stored:
            await store.release_key(author, key)
    return response


def _repeated_response(stored: StoredResponse, fingerprint: str) -> Response:
    if stored.fingerprint != fingerprint:
        raise HTTPException(
            HTTPStatus.CONFLICT, "this Idempotency-Key was used for another request"
        )
    if stored.status is None:
        raise HTTPException(HTTPStatus.CONFLICT, "the first request is still in progress")
    return Response(
        stored.body,
        status_code=stored.status,
        media_type="application/json",
        headers={REPLAYED: "true"},
    )


async def _fingerprint(request: Request) -> str:
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(target.encode() + await request.body()).hexdigest()


def _replayable(request: Request, body: bytes) -> Request:
    """Return the request with its body readable again."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
