"""Valid responses: an HTTP status of 2xx, a JSON container, and the shape of its endpoint.

ccxt raises nothing for statuses that it does not list (499, 523, 524), nor for an empty body, HTML
or cut JSON with status 200: its parsers turn such text into "no positions" and "no orders". So
every response is checked below them, and an invalid one raises before anything is concluded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_SUCCESS_STATUSES: Final = range(200, 300)
_MAX_CACHED_CALLS: Final = 1_000  # some have ids in them


class InvalidResponse(Exception):
    """The response is invalid: the outcome of an order is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseShape:
    """The JSON that a response of one endpoint must contain."""

    at: tuple[str, ...] = ()  #: keys that lead to the payload
    is_list: bool = False  #: the payload is a list of rows, possibly empty
    keys: tuple[str, ...] = ()  #: the payload, or each of its rows, is an object with these
    least: int = 0  #: how many rows there are at least
    success: Mapping[str, frozenset[str]] | None = None  #: values that the envelope must have

    def violation(self, response: object) -> str | None:
        """Why a response does not have this shape; None if it has."""
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
"""By the end of the path, with the method where that matters, such as ``GET /v5/order``.

``*`` stands for one segment. Responses of other endpoints only have to be a JSON container.
"""


class ResponseValidator:
    """The shapes of one exchange's endpoints, found by the path of a request."""

    def __init__(self, shapes: ResponseShapes) -> None:
        self._patterns = [(_pattern(end), shape) for end, shape in shapes.items()]
        self._by_call: dict[str, ResponseShape | None] = {}

    def violation(self, status: int, response: object, call: str) -> str | None:
        """Why a response to ``call``, a method and a path, is invalid; None if it is valid."""
        if status not in _SUCCESS_STATUSES:
            return f"HTTP status {status}"
        if not isinstance(response, dict | list):
            return "no JSON object or list in the response"
        shape = self._shape_of(call)
        return None if shape is None else shape.violation(response)

    def _shape_of(self, call: str) -> ResponseShape | None:
        if call not in self._by_call:
            if len(self._by_call) >= _MAX_CACHED_CALLS:
                self._by_call.clear()
            found = (shape for pattern, shape in self._patterns if pattern.fullmatch(call))
            self._by_call[call] = next(found, None)
        return self._by_call[call]


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
        return "an object was expected"
    missing = [key for key in keys if row.get(key) is None]
    return f"{', '.join(missing)} missing" if missing else None
