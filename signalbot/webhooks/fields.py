"""Reads an alert's body into plain fields: JSON, a form, ``name=value`` lines, or a text.

How a body is labelled does not count: TradingView calls JSON text when it is not quite JSON, and
``curl -d`` calls everything a form. What could be read in two ways is refused: a name that stands
twice, be it in other letters or once written out and once nested.
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
    """One value of an alert, and where it stood."""

    path: tuple[str, ...]  #: names from the outside in; places in lists are numbers
    value: str

    @cached_property
    def name(self) -> str:
        """As its sender would find it: ``take_profits.0.price``."""
        return ".".join(self.path)

    @cached_property
    def segments(self) -> tuple[NameTokens, ...]:
        """The words of each part of the path."""
        return tuple(tokenize(part) for part in self.path)

    @property
    def is_empty(self) -> bool:
        """Plots without a value come as NaN, what is not filled in as nothing."""
        return self.value.lower() in _EMPTY

    @property
    def placeholder(self) -> str | None:
        """A ``{{placeholder}}`` that the sender has not filled."""
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
    """A value as a message may repeat it: one line, printable, not long."""
    text = "".join(each if each.isprintable() else "?" for each in value)
    return repr(text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}...")


def flatten_fields(value: Mapping[str, Any]) -> AlertFields:
    """The fields of nested objects and lists.

    Raises:
        BadSignal: it is too deep or too long, or names the same place twice.
    """
    found = tuple(_nested_fields(value, ()))
    if len(found) > MAX_FIELDS:
        raise InvalidSignal(_TOO_MANY)
    for field in found:
        _unicode(f"{field.name}{field.value}")
    _reject_duplicates(field.name for field in found)
    return found


def read_fields(text: str) -> AlertFields | None:
    """The fields of a text that consists of fields; None: it is a text to be read as such.

    Raises:
        BadSignal: it begins like JSON and is not, or a name stands twice.
    """
    if text[:1] in ("{", "["):
        return flatten_fields(_one_object(_json(text)))
    return _from_form(text) or _from_lines(text) or _from_inline_pairs(text)


def decode_body(body: bytes) -> str:
    """The text of a body.

    Raises:
        BadSignal: it is not UTF-8, or what it quotes is not Unicode.
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
    """Refuse half a surrogate pair, as JSON can escape it: it cannot be stored or sent on."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        raise InvalidSignal("the alert has a text that is not Unicode") from e
    return text


def _json(text: str) -> Any:
    """JSON; a placeholder without quotes is read as the text that it is."""
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
        raise InvalidSignal(f"the alert begins like JSON and is not: {e.msg} at {where}") from e
    except (ValueError, RecursionError) as e:
        raise InvalidSignal("the alert begins like JSON and is not") from e


def _one_object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, dict):
        return value
    raise InvalidSignal("the alert is a list: send one object")


def _from_form(text: str) -> AlertFields:
    """``a=1&b=2``, as HTML forms and ``curl -d`` send it."""
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
    """Lines, or parts between semicolons, commas or bars, of ``name=value`` or ``name: value``."""
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
    """Whether ``buy BTCUSDT sl`` or ``Exit long`` is no name, where there is one pair only."""
    return " " in name or name.lower() in ("buy", "sell", "long", "short", "close", "exit", "flat")


def _pair(line: str) -> tuple[str, str] | None:
    name, *rest = _SEPARATOR.split(line, maxsplit=1)
    name = name.strip()
    return (name, rest[0].strip()) if rest and _NAME.fullmatch(name) else None


def _from_inline_pairs(text: str) -> AlertFields:
    """``name=value`` one after the other with nothing between but space."""
    parts = text.split()
    matches = [_WORD_PAIR.fullmatch(part.rstrip(",;")) for part in parts]
    if not parts or len(parts) > MAX_FIELDS or not all(matches):
        return ()
    return _from_pairs([(match[1], match[2]) for match in matches if match])


def _from_pairs(pairs: Iterable[tuple[str, str]]) -> AlertFields:
    """Names with dots are nested names; a value may be JSON itself."""
    found: list[AlertField] = []
    for name, value in pairs:
        path = _parts(name)
        found += _values(path, value.strip(), depth=len(path))
    _reject_duplicates(field.name for field in found)
    return tuple(found)


def _parts(name: str) -> tuple[str, ...]:
    """A name with dots in it is a nested one."""
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
        yield from _nested_fields({str(place): each for place, each in enumerate(inner)}, path)
    elif inner is not None:
        yield AlertField(path, _text(inner))


def _inner_json(text: str) -> Any:
    """A value that is JSON again, as relays and forms wrap it; the text where it is not."""
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
    """Letter case does not make two names of one, and neither does writing out what is nested."""
    seen: set[str] = set()
    for name in names:
        key = name.strip().casefold()
        if key in seen:
            raise InvalidSignal(f"the alert has {quoted_value(name)} twice: which one counts?")
        seen.add(key)
