"""What counts as an answer: an HTTP status of 2xx, a JSON container, and its endpoint's shape.

ccxt raises nothing for statuses that it does not list (499, 523, 524), nor for an empty body, HTML
or cut JSON with status 200: its parsers make "no positions" and "no orders" of such text. So every
answer is checked below them, and what is no answer raises before anything is concluded from it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

_SUCCESS_STATUSES: Final = range(200, 300)
_MAX_CACHED_CALLS: Final = 1_000  # some have ids in them


class InvalidResponse(Exception):
    """The exchange sent something that is no answer: for an order the outcome is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseShape:
    """What the JSON of one endpoint must contain for anything to be read from it."""

    at: tuple[str, ...] = ()  #: keys that lead to the payload
    is_list: bool = False  #: the payload is a list of rows, possibly empty
    keys: tuple[str, ...] = ()  #: the payload, or each of its rows, is an object with these
    least: int = 0  #: how many rows there are at least
    success: Mapping[str, frozenset[str]] | None = None  #: values that the envelope must have

    def violation(self, response: object) -> str | None:
        """What is wrong with an answer; None when it has this shape."""
        if self.success is not None and (fault := _envelope_fault(response, self.success)):
            return fault
        payload: Any = response
        for key in self.at:
            if not isinstance(payload, dict) or key not in payload:
                return f"{key!r} is missing"
            payload = payload[key]
        if not self.is_list:
            return _keys_fault(payload, self.keys)
        if not isinstance(payload, list):
            return f"{'.'.join(self.at) or 'it'} is no list"
        if len(payload) < self.least:
            return f"{'.'.join(self.at) or 'it'} has {len(payload)} rows"
        faults = (_keys_fault(row, self.keys) for row in payload) if self.keys else ()
        return next((fault for fault in faults if fault), None)


ResponseShapes = Mapping[str, ResponseShape]
"""By path, as it ends, with the method before it where that matters, such as ``GET /v5/order``.

``*`` stands for one segment. Answers of other endpoints have to be a JSON container only.
"""


class ResponseValidator:
    """The shapes of one exchange's endpoints, found by the path of a request."""

    def __init__(self, shapes: ResponseShapes) -> None:
        self._patterns = [(_pattern(end), shape) for end, shape in shapes.items()]
        self._by_call: dict[str, ResponseShape | None] = {}

    def violation(self, status: int, response: object, call: str) -> str | None:
        """Why what came back from ``call``, a method and a path, is no answer; None for one."""
        if status not in _SUCCESS_STATUSES:
            return f"HTTP status {status}"
        if not isinstance(response, dict | list):
            return "no JSON object or list in the answer"
        shape = self._shape_of(call)
        return None if shape is None else shape.violation(response)

    def _shape_of(self, call: str) -> ResponseShape | None:
        if call not in self._by_call:
            if len(self._by_call) >= _MAX_CACHED_CALLS:
                self._by_call.clear()
            found = (shape for pattern, shape in self._patterns if pattern.fullmatch(call))
            self._by_call[call] = next(found, None)
        return self._by_call[call]


def validated_class(kind: type[Any], shapes: ResponseShapes) -> type[Any]:
    """``kind``, a ccxt class, whose REST calls raise ``InvalidResponse`` for what is no answer."""
    known = ResponseValidator(shapes)

    def handle_errors(
        self: Any,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Any,
        body: Any,
        response: Any,
        *request: Any,
    ) -> Any:
        """Let ccxt find the exchange's own errors first: their codes say more."""
        found = kind.handle_errors(
            self, code, reason, url, method, headers, body, response, *request
        )
        if url.startswith("http") and str(code) not in self.httpExceptions:
            call = f"{method} {urlsplit(url).path}"
            fault = known.violation(code, response, call)
            if fault is not None:
                raise InvalidResponse(f"{call}: {fault}")
        return found

    return type(kind.__name__, (kind,), {"handle_errors": handle_errors})


def _pattern(end: str) -> re.Pattern[str]:
    method, _, path = end.rpartition(" ")
    tail = re.escape(path).replace(r"\*", "[^/]+")
    return re.compile(f"{method or '[A-Z]+'} .*{tail}")


def _envelope_fault(response: object, success: Mapping[str, frozenset[str]]) -> str | None:
    if not isinstance(response, dict):
        return "it is no object"
    for key, values in success.items():
        if str(response.get(key)) not in values:
            return f"{key!r} is not {' or '.join(sorted(values))}"
    return None


def _keys_fault(row: object, keys: tuple[str, ...]) -> str | None:
    if not isinstance(row, dict):
        return "an object was due"
    missing = [key for key in keys if row.get(key) is None]
    return f"{', '.join(missing)} missing" if missing else None
