"""Answers that are none, and lists that are not whole: what a real far side sends at times."""

from enum import StrEnum
from random import Random
from typing import Any

import orjson

from tests.venue.http_wire import Answer, dump

PAGE = (
    b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>Error %d</h1>"
    b"<p>The origin web server is not reachable.</p></body></html>"
)


class Junk(StrEnum):
    """What comes instead of an answer; ``HTTP_...`` are statuses with an error page."""

    EMPTY = "empty"  #: 200 and no body
    HTML = "html"  #: 200 and a page
    HALF = "half"  #: the first half of the true body under its own correct length
    LIST = "list"  #: []
    OBJECT = "object"  #: {}
    NULL = "null"
    STRING = "string"  #: JSON text
    HTTP_499 = "499"
    HTTP_520 = "520"
    HTTP_521 = "521"
    HTTP_522 = "522"
    HTTP_523 = "523"
    HTTP_524 = "524"
    HTTP_525 = "525"
    HTTP_526 = "526"
    HTTP_527 = "527"
    HTTP_528 = "528"
    HTTP_529 = "529"
    HTTP_530 = "530"


VALUES: dict[Junk, Any] = {
    Junk.LIST: [], Junk.OBJECT: {}, Junk.NULL: None, Junk.STRING: "temporarily unavailable",
}  # fmt: skip


def spoiled(how: Junk, answer: Answer, inside: str = "") -> Answer:
    """The answer as it arrives: junk, or with ``inside`` a true envelope around junk.

    ``inside`` names a field of the answer's object ("result", "data"), or is "rows": its list.
    """
    if inside:
        return _with(answer, _filled(orjson.loads(answer.body), inside, VALUES[how]))
    match how:
        case Junk.EMPTY:
            return Answer(status=200, body=b"", headers=answer.headers)
        case Junk.HTML:
            return Answer(status=200, body=PAGE % (200, 200), headers={"Content-Type": "text/html"})
        case Junk.HALF:
            half = answer.body[: len(answer.body) // 2]
            return Answer(status=answer.status, body=half, headers=answer.headers)
        case Junk.LIST | Junk.OBJECT | Junk.NULL | Junk.STRING:
            return _with(answer, VALUES[how])
        case _:
            status = int(how.value)
            page = PAGE % (status, status)
            return Answer(status=status, body=page, headers={"Content-Type": "text/html"})


def thinned(answer: Answer, keep: float, random: Random) -> Answer:
    """The answer with only some rows of its list: each stays with the chance ``keep``."""
    body = orjson.loads(answer.body)
    rows = rows_of(body)
    if rows is not None:
        rows[:] = [row for row in rows if random.random() < keep]
    return _with(answer, body)


def with_rows_of(answer: Answer, earlier: Answer) -> Answer:
    """The answer with the rows of an earlier page, and its own cursor."""
    body, rows = orjson.loads(answer.body), rows_of(orjson.loads(earlier.body))
    mine = rows_of(body)
    if mine is not None and rows is not None:
        mine[:] = rows
    return _with(answer, body)


def rows_of(body: Any) -> list[Any] | None:
    """The list of an answer: itself, or the first one that its envelope holds."""
    level = [body]
    while level:
        for each in level:
            if isinstance(each, list):
                return each
        level = [value for each in level if isinstance(each, dict) for value in each.values()]
    return None


def _filled(body: Any, name: str, value: Any) -> Any:
    if name != "rows":
        return {**body, name: value} if isinstance(body, dict) else value
    if isinstance(body, list):
        return value
    level = [body]
    while level:
        for each in level:
            for key, inner in each.items():
                if isinstance(inner, list):
                    each[key] = value
                    return body
        level = [inner for each in level for inner in each.values() if isinstance(inner, dict)]
    return body


def _with(answer: Answer, body: Any) -> Answer:
    return Answer(status=answer.status, body=dump(body), headers=answer.headers)
