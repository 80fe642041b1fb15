"""Reads request bodies strictly: what two readers could understand differently is refused."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal, DecimalException
from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

DEEPEST = 16
"""Levels of lists and objects that a body may nest."""

_LONGEST_NUMBER = 40


class StrictRequest(Request):
    """A request whose JSON has no NaN, no infinity and no key twice; numbers are Decimals."""

    async def json(self) -> Any:
        if not hasattr(self, "_strict"):
            self._strict = parse(await self.body())
        return self._strict


class StrictRoute(APIRoute):
    """A route that reads its body through ``StrictRequest``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await answer(StrictRequest(request.scope, request.receive))

        return strictly


def parse(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        HTTPException: 400; it is not JSON, or not JSON that everybody reads the same way.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_float=_number,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError as e:
        raise _bad("is not UTF-8") from e
    except (ValueError, RecursionError) as e:
        raise _bad("is not JSON") from e
    if _depth(value) > DEEPEST:
        raise _bad(f"nests more than {DEEPEST} levels")
    return value


def _number(text: str) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise _bad("has a number that is too long")
    try:
        value = Decimal(text)
    except DecimalException as e:
        raise _bad("has a number out of range") from e
    if value.adjusted() > _LONGEST_NUMBER or value.adjusted() < -_LONGEST_NUMBER:
        raise _bad("has a number out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise _bad("has a number that is too long")
    return int(text)


def _refuse_constant(_: str) -> NoReturn:
    raise _bad("has a number that is not finite")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _bad("has a key twice in one object")
    return found


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return deepest


def _bad(what: str) -> HTTPException:
    return HTTPException(HTTPStatus.BAD_REQUEST, f"the body {what}")
