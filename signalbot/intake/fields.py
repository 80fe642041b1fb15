"""Reads an alert's body into plain fields: JSON, ``key=value`` lines, or a few words.

Senders name the same thing differently and nest it where they like, so names are lower case, and
what lies inside an object is found as ``outer.inner``. How the body is labelled does not count:
TradingView calls JSON text when it is not quite JSON.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import Any, NoReturn

from signalbot.domain.errors import BadSignal

Fields = Mapping[str, str]
"""Values by name, all as text; what is null or empty is left out."""

_MOST_FIELDS = 200
_DEEPEST = 6
_LONGEST_NUMBER = 40
_LONGEST_NAME = 100
_LONGEST_WORDS = 120
_NAME = re.compile(r"[A-Za-z][\w.\- ]{0,39}")
_SEPARATOR = re.compile(r"[=:]")
_WORDS = re.compile(
    r"(?P<action>[A-Za-z_ ]{2,20}?)\s+(?P<symbol>[A-Za-z0-9:/._\-]{2,40})"
    r"(?:\s*(?:@|at)\s*(?P<price>\d+(?:\.\d+)?))?"
)
_EMPTY = frozenset({"", "nan", "null", "none", "na", "n/a"})


def read(body: bytes) -> Fields:
    """The fields of an alert.

    Raises:
        BadSignal: it is not text, or not a form that can be read one way only.
    """
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as e:
        raise BadSignal("the alert is not UTF-8 text") from e
    if text[:1] in ("{", "["):
        return _from_json(text)
    pairs = _from_pairs(text)
    return pairs or _from_words(text)


def _from_json(text: str) -> Fields:
    try:
        value = json.loads(
            text,
            parse_float=_number,
            parse_int=_number,
            parse_constant=lambda _: None,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as e:
        raise BadSignal("the alert begins like JSON and is not") from e
    if not isinstance(value, dict):
        raise BadSignal("the alert is a list: send one object")
    found: dict[str, str] = {}
    _flatten(value, "", found, depth=0)
    return found


def _from_pairs(text: str) -> Fields:
    """Lines, or parts between semicolons, of ``name=value`` or ``name: value``; none if not all."""
    parts = [part for part in re.split(r"[;\n]", text) if part.strip()]
    if not parts or len(parts) > _MOST_FIELDS:
        return {}
    pairs = []
    for part in parts:
        name, *rest = _SEPARATOR.split(part, maxsplit=1)
        if not rest or not _NAME.fullmatch(name.strip()):
            return {}
        pairs.append((name.strip().lower(), rest[0].strip()))
    return {name: value for name, value in _unique(pairs).items() if not _is_empty(value)}


def _from_words(text: str) -> Fields:
    words = " ".join(text.split())
    match = _WORDS.fullmatch(words) if len(words) <= _LONGEST_WORDS else None
    if match is None:
        raise BadSignal(
            "the alert is neither JSON, nor name=value lines, nor words such as 'buy BTCUSDT'"
        )
    return {name: value for name, value in match.groupdict().items() if value}


def _flatten(value: Mapping[str, Any], path: str, found: dict[str, str], *, depth: int) -> None:
    if depth > _DEEPEST:
        raise BadSignal("the alert nests too deeply")
    for name, inner in value.items():
        if len(name) > _LONGEST_NAME:
            raise BadSignal("the alert has a name that is too long")
        key = f"{path}{name.strip().lower()}"
        if isinstance(inner, dict):
            _flatten(inner, f"{key}.", found, depth=depth + 1)
        elif isinstance(inner, list):
            numbered = {str(place): each for place, each in enumerate(inner)}
            _flatten(numbered, f"{key}.", found, depth=depth + 1)
        elif inner is not None and not _is_empty(text := _text(inner)):
            if key in found:  # by letter case, or by a dot and by nesting
                _refuse_twice()
            found[key] = text
        if len(found) > _MOST_FIELDS:
            raise BadSignal("the alert has too many fields")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _is_empty(text: str) -> bool:
    """Plots that have no value come as NaN, fields that are not filled in as nothing."""
    return text.lower() in _EMPTY or (text.startswith("{{") and text.endswith("}}"))


def _number(text: str) -> Decimal | None:
    if len(text) > _LONGEST_NUMBER:
        raise BadSignal("the alert has a number that is too long")
    try:
        return Decimal(text)
    except DecimalException:
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse_twice()
    return found


def _refuse_twice() -> NoReturn:
    raise BadSignal("the alert says something twice: which one counts?")
