"""Converts any value to safe text on one line: logging never fails and cannot be forged."""

import math
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from signalbot.observability.logging.redaction import is_secret_name
from signalbot.observability.logging.secrets import MASK

Redact = Callable[[str], str]

_MAX_ENTRIES = 8192
_MAX_CACHED_LENGTH = 64
_MAX_DIGITS = 64
_HUGE: int = 10**_MAX_DIGITS
_MAX_DEPTH = 6
_CONTAINERS = (dict, list, tuple, set, frozenset)


class MemoCache(dict[str, str]):
    """A cache of converted short texts; cleared when it is full."""

    def __init__(self, convert: Callable[[str], str]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> str:
        converted = self._convert(text)
        if len(text) <= _MAX_CACHED_LENGTH:
            if len(self) >= _MAX_ENTRIES:
                self.clear()
            self[text] = converted
        return converted


class Timestamp:
    """Formats instants with ``pattern``, milliseconds and ``end``.

    Caches the last result: in a fan-out hundreds of lines share a millisecond.
    """

    def __init__(self, pattern: str, end: str = "") -> None:
        self._pattern = pattern
        self._end = end
        self._at_ms: int | None = None
        self._text = ""

    def __call__(self, at_ms: int) -> str:
        if at_ms != self._at_ms:
            second, ms = divmod(at_ms, 1000)
            seconds = datetime.fromtimestamp(second, UTC).strftime(self._pattern)
            self._text = f"{seconds}.{ms:03d}{self._end}"
            self._at_ms = at_ms
        return self._text


def escaped(text: str) -> str:
    """Return ``text`` with line ends, control and other non-printable characters escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def value_text(value: object) -> str:
    """The text of any value; never raises."""
    if isinstance(value, str):
        return str.__str__(value)
    name = type(value).__name__
    for convert in (str, repr):
        try:
            rendered = convert(value)
        except Exception:  # noqa: BLE001, S112 - foreign code
            continue
        if isinstance(value, BaseException):
            return f"{name}: {rendered}" if rendered else name
        return rendered
    return f"<{name} that cannot be shown>"


def decimal_text(value: Decimal) -> str:
    """Plain digits, or scientific notation beyond 64 of them."""
    return format(value, "f") if abs(value.adjusted()) < _MAX_DIGITS else str(value)


def is_short_int(value: int) -> bool:
    """Whether a number has at most 64 digits: Python cannot convert more than 4300."""
    return -_HUGE < value < _HUGE


_NUMBERS: Mapping[type, Callable[[Any], object]] = {
    type(None): lambda none: none,
    bool: bool,
    int: lambda number: number if is_short_int(number) else f"<{number.bit_length()} bits>",
    float: lambda number: number if math.isfinite(number) else str(number),
    Decimal: decimal_text,
}


def json_value(value: object, clean: Redact, inside: tuple[int, ...] = ()) -> object:
    """Return ``value`` as JSON types, with every text redacted; decimals become text.

    ``inside`` holds the enclosing containers, by ``id``.
    """
    as_json = _NUMBERS.get(type(value))
    if as_json is not None:
        return as_json(value)
    if type(value) in _CONTAINERS and len(inside) < _MAX_DEPTH and id(value) not in inside:
        inside = (*inside, id(value))
        if isinstance(value, dict):
            return _json_dict(value, clean, inside)
        if isinstance(value, Iterable):
            return [json_value(each, clean, inside) for each in value]
    return clean(value_text(value))


def _json_dict(
    values: dict[object, object], clean: Redact, inside: tuple[int, ...]
) -> dict[str, object]:
    named = ((value_text(key), each) for key, each in values.items())
    return {
        clean(key): MASK if is_secret_name(key) else json_value(each, clean, inside)
        for key, each in named
    }  # fmt: skip


def traceback_of(exc_info: object, clean: Redact) -> str:
    """The traceback of structlog's ``exc_info``, without local variables; "" without one.

    ``exc_info`` is an exception, a triple of ``sys.exc_info()``, or any other value but False and
    None for the current exception.
    """
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1] if len(exc_info) > 1 else None
    elif exc_info is not False and not isinstance(exc_info, BaseException):
        exc_info = sys.exception()
    if not isinstance(exc_info, BaseException):
        return ""
    return clean("".join(traceback.format_exception(exc_info)).rstrip("\n"))
