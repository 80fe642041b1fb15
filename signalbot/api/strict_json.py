"""Parses request bodies strictly: rejects what parsers may interpret differently."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal, DecimalException
from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from signalbot.api.auth import PRINCIPAL, unauthorized

MAX_DEPTH = 16
"""Maximum nesting of lists and objects in a body."""

_MAX_NUMBER_LENGTH = 40


class StrictRequest(Request):
    """A request with an unambiguous JSON object, or no body."""

    async def json(self) -> dict[str, Any]:
        """Return the object; numbers with a fraction are Decimals.

        Raises:
            HTTPException: 400; see ``parse_object``.
        """
        if not hasattr(self, "_strict"):
            self._strict = parse_object(await self.body())
        return self._strict


class StrictRoute(APIRoute):
    """A route for authenticated callers only; other bodies are not even read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if request.scope.get(PRINCIPAL) is None:
                raise unauthorized()
            strict = StrictRequest(request.scope, request.receive)
            if await strict.body():
                await strict.json()
            return await handler(strict)

        return strictly


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse the JSON object of a body.

    Raises:
        HTTPException: 400; it is not JSON, not an object, or ambiguous.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_float=_number,
            parse_int=_integer,
            parse_constant=_reject_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError as e:
        raise _bad("is not UTF-8") from e
    except (ValueError, RecursionError) as e:
        raise _bad("is not JSON") from e
    if not isinstance(value, dict):
        raise _bad("is not a JSON object")
    _check(value)
    return value


def _number(text: str) -> Decimal:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise _bad("has a number that is too long")
    try:
        value = Decimal(text)
    except DecimalException as e:
        raise _bad("has a number out of range") from e
    if value.adjusted() > _MAX_NUMBER_LENGTH or value.adjusted() < -_MAX_NUMBER_LENGTH:
        raise _bad("has a number out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise _bad("has a number that is too long")
    return int(text)


def _reject_constant(_: str) -> NoReturn:
    raise _bad("has a number that is not finite")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.strip().casefold() for name, _ in pairs}) != len(pairs):
        raise _bad("has a duplicate key in an object")
    return dict(pairs)


def _check(value: Any) -> None:
    """Check nesting depth and that all text is valid Unicode."""
    depth, level = 0, [value]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _bad(f"nests more than {MAX_DEPTH} levels")
        inner: list[Any] = []
        for each in level:
            if isinstance(each, str):
                _check_text(each)
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, dict):
                inner += each.values()
                for name in each:
                    _check_text(name)
        level = inner


def _check_text(text: str) -> None:
    """Reject half a surrogate pair: it is no character, and cannot be stored."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        raise _bad("has text that is not valid Unicode") from e


def _bad(problem: str) -> HTTPException:
    return HTTPException(HTTPStatus.BAD_REQUEST, f"the body {problem}")
