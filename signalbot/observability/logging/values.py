"""Any value as text that fits on one line: logging must never fail, nor be made to lie."""

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
    """Short texts made fit for a line, each worked out once; forgets them all when it is full."""

    def __init__(self, fit: Callable[[str], str]) -> None:
        super().__init__()
        self._fit = fit

    def __missing__(self, text: str) -> str:
        fitted = self._fit(text)
        if len(text) <= _MAX_CACHED_LENGTH:
            if len(self) >= _MAX_ENTRIES:
                self.clear()
            self[text] = fitted
        return fitted


class Timestamp:
    """Writes instants as ``pattern`` says, with milliseconds and ``end`` behind the seconds.

    Remembers its last answer: in a fan-out hundreds of lines share a millisecond.
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
    """``text`` with line ends, control characters and all else that does not print spelt out."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def value_text(value: object) -> str:
    """What a value says of itself, whatever it is."""
    if isinstance(value, str):
        return str.__str__(value)
    name = type(value).__name__
    for convert in (str, repr):
        try:
            rendered = convert(value)
        except Exception:  # noqa: BLE001, S112 - anybody's own code
            continue
        if isinstance(value, BaseException):
            return f"{name}: {rendered}" if rendered else name
        return rendered
    return f"<{name} that cannot be shown>"


def decimal_text(value: Decimal) -> str:
    """Plain digits, unless there would be absurdly many."""
    return format(value, "f") if abs(value.adjusted()) < _MAX_DIGITS else str(value)


def is_short_int(value: int) -> bool:
    """Whether a number has few enough digits to be shown: beyond 4300 Python would refuse to."""
    return -_HUGE < value < _HUGE


_NUMBERS: Mapping[type, Callable[[Any], object]] = {
    type(None): lambda none: none,
    bool: bool,
    int: lambda number: number if is_short_int(number) else f"<{number.bit_length()} bits>",
    float: lambda number: number if math.isfinite(number) else str(number),
    Decimal: decimal_text,
}


def json_value(value: object, clean: Redact, inside: tuple[int, ...] = ()) -> object:
    """``value`` made of what JSON knows, every text in it cleaned; exact numbers become text.

    ``inside`` are the containers around it, by ``id``.
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
    """The traceback behind structlog's ``exc_info``, without local variables; "" if there is none.

    It is an exception, a triple as of ``sys.exc_info()``, or anything but False and None for the
    current one.
    """
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1] if len(exc_info) > 1 else None
    elif exc_info is not False and not isinstance(exc_info, BaseException):
        exc_info = sys.exception()
    if not isinstance(exc_info, BaseException):
        return ""
    return clean("".join(traceback.format_exception(exc_info)).rstrip("\n"))
