"""Parses text alerts: phrases, TradingView's order message, commands, channel signals.

Each format is parsed completely or not at all; unknown remainders reject the alert.
"""

import re
from collections.abc import Iterable, Iterator

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.actions import is_action_token
from signalbot.webhooks.channel_format import from_channel
from signalbot.webhooks.command_formats import from_code, from_commands
from signalbot.webhooks.fields import AlertField, AlertFields, quoted_value
from signalbot.webhooks.name_tokens import tokenize
from signalbot.webhooks.number_parsing import number_or_none

_FILLED = re.compile(
    r"order\s+(?P<action>buy|sell)\s*@\s*(?P<contracts>[\d.]+(?:e[+-]?\d+)?)\s+filled\s+on\s+(?P<symbol>\S+?)\.?\s+"
    r"New\s+strategy\s+position\s+is\s+(?P<position_size>-?[\d.]+?(?:e[+-]?\d+)?)\.?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_LEVEL_NAME = re.compile(
    r"(sl|stop|stoploss|stop-loss|tp\d*|target\d*|takeprofit\d*)[:=]?", re.IGNORECASE
)
_PAIR = re.compile(r"([A-Za-z][\w.\-]*)[=:](\S+)")
_MAX_TEXT, _MAX_LINE = 4_000, 400
_LICENSE = re.compile(r"\d{6,}")

UNKNOWN_FORMAT = (
    "the alert is neither JSON, nor name=value lines, nor words such as 'buy BTCUSDT', "
    "'close BTCUSDT 50%' or 'buy BTCUSDT @ 60000 sl=59000 tp=62000'"
)


def is_filled_order(text: str) -> bool:
    """Whether a text is TradingView's message about a strategy's order."""
    return (
        len(text) <= _MAX_TEXT and text[:1] not in ("{", "[") and _FILLED.search(text) is not None
    )


def parse_text(text: str) -> AlertFields:
    """Convert a text to fields.

    Raises:
        InvalidSignal: its format is unknown.
    """
    if len(text) > _MAX_TEXT or any(len(line) > _MAX_LINE for line in text.splitlines()):
        raise InvalidSignal(UNKNOWN_FORMAT)
    found = AlertField(("alert",), text).placeholder
    if found is not None and "(" not in text:
        raise InvalidSignal(f"the placeholder {quoted_value(found)} was not filled")
    filled = _FILLED.search(text)
    if filled is not None:
        named = filled.groupdict()
        named["order_contracts"] = named.pop("contracts")
        return _fields(named.items())
    pairs = (
        from_code(text)
        or from_commands(text)
        or (from_channel(text) if "\n" in text.strip() else None)
    )
    return _fields(_parse_phrase(text) if pairs is None else pairs)


def _fields(pairs: Iterable[tuple[str, str]]) -> AlertFields:
    return tuple(AlertField((name,), value) for name, value in pairs)


def _parse_phrase(text: str) -> Iterator[tuple[str, str]]:
    """Parse a verb and a market in any order, then price, levels and ``name=value``."""
    parts = [
        part
        for part in re.split(r"[\s,;]+", text.strip())
        if any(map(str.isalnum, part)) or part == "@"
    ]
    if len(parts) > 1 and _LICENSE.fullmatch(parts[0]) and "," in text:
        parts = parts[1:]  # PineConnector starts with a license number
    remaining = iter(parts)
    plain: list[str] = []
    for part in remaining:
        named = _named(part, remaining)
        if named is None:
            plain.append(part.rstrip(":"))
        else:
            yield named
    verbs = [part for part in plain if _is_verb(part)]
    bare = [part for part in plain if number_or_none(part) is not None]
    others = [part for part in plain if part not in verbs and part not in bare]
    if len(others) != 1 or not verbs:
        raise InvalidSignal(UNKNOWN_FORMAT)
    if bare:
        yield "bare_number", " ".join(bare)
    yield "action", " ".join(verbs)
    yield "symbol", others[0].lstrip("#$")


def _named(part: str, remaining: Iterator[str]) -> tuple[str, str] | None:
    """Parse a named part; its value may be the next part."""
    pair = _PAIR.fullmatch(part)
    if pair is not None and ("=" in part or _LEVEL_NAME.fullmatch(pair[1])):
        return pair[1], pair[2]
    if _LEVEL_NAME.fullmatch(part):
        return part.rstrip(":="), next(remaining, "")
    if part in ("@", "at"):
        return "price", next(remaining, "")
    if part.startswith("@"):
        return "price", part.removeprefix("@")
    return ("size", part) if re.fullmatch(r"\d+(\.\d+)?%", part) else None


def _is_verb(part: str) -> bool:
    named = tokenize(part)
    return bool(named) and number_or_none(part) is None and all(map(is_action_token, named))
