"""Parses an alert's body into flat fields: JSON, a form, ``name=value`` lines, or text.

The content type is ignored: TradingView labels almost-JSON as text, and ``curl -d`` labels all as
a form. Ambiguous input is rejected: duplicate names, regardless of letter case and of dotted or
nested notation.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.name_tokens import NameTokens, tokenize

MAX_FIELDS = 200
MAX_DEPTH = 6
_MAX_NUMBER = 40
_MAX_QUOTED = 60
_MAX_NAME = 100
_TOO_MANY = f"the alert has more than {MAX_FIELDS} fields"
_EMPTY = frozenset({"", "nan", "null", "none", "na", "n/a", "undefined", "-", "<na>"})
_PLACEHOLDER = re.compile(r"\$?\{\{?[^{}]*\}?\}")
_BARE_PLACEHOLDER = re.compile(r'(:\s*|,\s*|\[\s*)(\{\{[^{}"]*\}\})')
_NAME = re.compile(r"[A-Za-z][\w.\- ]{0,59}")
_SEPARATOR = re.compile(r"[=:]")
_WORD_PAIR = re.compile(r"([A-Za-z][\w.\-]{0,59})=(\S*)")
_ANOTHER_PAIR = re.compile(r"[\s,;][A-Za-z][\w.\-]{0,59}\s*[=:](?!//)\s*\S")


@dataclass(frozen=True)
class AlertField:
    """One value of an alert with its path."""

    path: tuple[str, ...]  #: names from the outside in; list indexes are numbers
    value: str

    @cached_property
    def name(self) -> str:
        """Dotted path, such as ``take_profits.0.price``."""
        return ".".join(self.path)

    @cached_property
    def segments(self) -> tuple[NameTokens, ...]:
        """Words of each part of the path."""
        return tuple(tokenize(part) for part in self.path)

    @property
    def is_empty(self) -> bool:
        """Whether the value is missing: empty plots are NaN, unfilled fields are empty."""
        return self.value.lower() in _EMPTY

    @property
    def placeholder(self) -> str | None:
        """A ``{{placeholder}}`` that the sender has not filled, if any."""
        found = _PLACEHOLDER.search(self.value)
        if found is not None:
            return found[0]
        for mark in ("{{", "}}"):  # cut off
            before, braces, after = self.value.partition(mark)
            if braces:
                return braces + after if mark == "{{" else before + braces
        return None

    def __str__(self) -> str:
        return f"{self.name} {quoted_value(self.value)}"


AlertFields = tuple[AlertField, ...]


def quoted_value(value: str) -> str:
    """Quote a value for messages: one line, printable, shortened."""
    text = "".join(each if each.isprintable() else "?" for each in value)
    return repr(text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}...")


def flatten_fields(value: Mapping[str, Any]) -> AlertFields:
    """Flatten nested objects and lists to fields.

    Raises:
        InvalidSignal: it is too deep or too long, or has duplicate names.
    """
    found = tuple(_nested_fields(value, ()))
    if len(found) > MAX_FIELDS:
        raise InvalidSignal(_TOO_MANY)
    for field in found:
        _unicode(f"{field.name}{field.value}")
    _reject_duplicates(field.name for field in found)
    return found


def read_fields(text: str) -> AlertFields | None:
    """Parse a text of fields; None if it has another format.

    Raises:
        InvalidSignal: it is invalid JSON, or has duplicate names.
    """
    if text[:1] in ("{", "["):
        return flatten_fields(_one_object(_json(text)))
    return _from_form(text) or _from_lines(text) or _from_inline_pairs(text)


def decode_body(body: bytes) -> str:
    """Decode a body.

    Raises:
        InvalidSignal: it is not UTF-8, or its quoted text is not valid Unicode.
    """
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as e:
        raise InvalidSignal("the alert is not UTF-8 text") from e
    if text[:1] == '"' and text[-1:] == '"':
        try:
            inner = json.loads(text)
        except ValueError:
            return text
        return _unicode(inner.strip()) if isinstance(inner, str) else text
    return text


def _unicode(text: str) -> str:
    """Reject half a surrogate pair, as JSON can escape it: it cannot be stored or sent."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        raise InvalidSignal("the alert has text that is not valid Unicode") from e
    return text


def _json(text: str) -> Any:
    """Parse JSON; unquoted placeholders become text."""
    quoted = _BARE_PLACEHOLDER.sub(r'\1"\2"', text)
    try:
        return json.loads(
            quoted,
            parse_float=_number,
            parse_int=_number,
            parse_constant=lambda _: None,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as e:
        where = f"line {e.lineno} column {e.colno}"
        raise InvalidSignal(f"the alert is invalid JSON: {e.msg} at {where}") from e
    except (ValueError, RecursionError) as e:
        raise InvalidSignal("the alert is invalid JSON") from e


def _one_object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, dict):
        return value
    raise InvalidSignal("the alert is a list: send one object")


def _from_form(text: str) -> AlertFields:
    """Parse ``a=1&b=2``, as HTML forms and ``curl -d`` send it."""
    if (
        "\n" in text
        or "=" not in text
        or not re.fullmatch(r"[^\s=&]+=[^&]*(&[^\s=&]+=[^&]*)*", text)
    ):
        return ()
    if "&" not in text and not re.fullmatch(r"[\w.\-%]+=[^\s=;,]*", text):
        return ()
    if text.count("&") >= MAX_FIELDS:
        raise InvalidSignal(_TOO_MANY)
    return _from_pairs(parse_qsl(text, keep_blank_values=True))


def _from_lines(text: str) -> AlertFields:
    """Parse ``name=value`` or ``name: value`` separated by lines, semicolons, commas or bars."""
    for separator in (r"\|\||[;\n]", r"\|\||[,;\n]", r"[|;\n]"):
        parts = [part for each in re.split(separator, text) if (part := each.strip())]
        if not parts or len(parts) > MAX_FIELDS:
            continue
        pairs = [pair for part in parts if (pair := _pair(part)) is not None]
        if len(pairs) == 1 and _is_command(pairs[0][0]):
            continue
        if len(pairs) == len(parts) and not any(_ANOTHER_PAIR.search(value) for _, value in pairs):
            return _from_pairs(pairs)
    return ()


def _is_command(name: str) -> bool:
    """Whether a single pair's name is a command, as in ``buy BTCUSDT sl`` or ``Exit long``."""
    return " " in name or name.lower() in ("buy", "sell", "long", "short", "close", "exit", "flat")


def _pair(line: str) -> tuple[str, str] | None:
    name, *rest = _SEPARATOR.split(line, maxsplit=1)
    name = name.strip()
    return (name, rest[0].strip()) if rest and _NAME.fullmatch(name) else None


def _from_inline_pairs(text: str) -> AlertFields:
    """Parse ``name=value`` pairs separated by spaces."""
    parts = text.split()
    matches = [_WORD_PAIR.fullmatch(part.rstrip(",;")) for part in parts]
    if not parts or len(parts) > MAX_FIELDS or not all(matches):
        return ()
    return _from_pairs([(match[1], match[2]) for match in matches if match])


def _from_pairs(pairs: Iterable[tuple[str, str]]) -> AlertFields:
    """Convert pairs to fields; dotted names are nested, values may be JSON."""
    found: list[AlertField] = []
    for name, value in pairs:
        path = _parts(name)
        found += _values(path, value.strip(), depth=len(path))
    _reject_duplicates(field.name for field in found)
    return tuple(found)


def _parts(name: str) -> tuple[str, ...]:
    """Split a dotted name."""
    return tuple(part.strip() for part in name.split(".") if part.strip()) or ("",)


def _nested_fields(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[AlertField]:
    if len(path) > MAX_DEPTH:
        raise InvalidSignal("the alert nests too deeply")
    for name, inner in value.items():
        if len(name) > _MAX_NAME:
            raise InvalidSignal("the alert has a name of more than 100 characters")
        yield from _values((*path, *_parts(name)), inner, depth=len(path))


def _values(path: tuple[str, ...], inner: Any, *, depth: int) -> Iterator[AlertField]:
    if depth > MAX_DEPTH:
        raise InvalidSignal("the alert nests too deeply")
    if isinstance(inner, str) and inner.strip()[:1] == "{" and inner.strip()[1:2] != "{":
        inner = _inner_json(inner)
    if isinstance(inner, dict):
        yield from _nested_fields(inner, path)
    elif isinstance(inner, list):
        yield from _nested_fields({str(index): each for index, each in enumerate(inner)}, path)
    elif inner is not None:
        yield AlertField(path, _text(inner))


def _inner_json(text: str) -> Any:
    """Parse a value that is JSON again, as relays and forms wrap it; else return the text."""
    try:
        return _json(text.strip())
    except InvalidSignal:
        return text


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _number(text: str) -> Decimal | str:
    if len(text) > _MAX_NUMBER:
        raise InvalidSignal("the alert has a number of more than 40 characters")
    try:
        return Decimal(text)
    except DecimalException:
        return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _reject_duplicates(name for name, _ in pairs)
    return dict(pairs)


def _reject_duplicates(names: Iterable[str]) -> None:
    """Reject duplicate names, ignoring letter case."""
    seen: set[str] = set()
    for name in names:
        key = name.strip().casefold()
        if key in seen:
            raise InvalidSignal(f"the alert has {quoted_value(name)} twice")
        seen.add(key)
