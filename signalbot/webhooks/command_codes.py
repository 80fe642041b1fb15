"""Parses codes of a command and a market, such as ``ENTER-LONG_Binance_BTCUSDT_my-bot``."""

import re

from signalbot.webhooks.fields import AlertField, AlertFields
from signalbot.webhooks.symbols import looks_like_a_market

_CODE = re.compile(r"((?:ENTER|EXIT)-(?:LONG|SHORT|ALL))((?:_[\w.\-]+)*)", re.IGNORECASE)


def expand_codes(fields: AlertFields) -> AlertFields:
    """Replace each code field by an action and a symbol."""
    return tuple(inner for each in fields for inner in _code_fields(each))


def from_code(text: str) -> list[tuple[str, str]] | None:
    """Convert a text that is a code to fields; None if it is none."""
    pairs = _parse_code(text.strip())
    return None if pairs is None or len(pairs) == 1 else pairs


def _code_fields(field: AlertField) -> AlertFields:
    pairs = _parse_code(field.value.strip()) if field.segments[-1] == ("code",) else None
    if pairs is None:
        return (field,)
    return tuple(AlertField((*field.path, name), value) for name, value in pairs)


def _parse_code(text: str) -> list[tuple[str, str]] | None:
    found = _CODE.fullmatch(text)
    if found is None:
        return None
    markets = [part for part in found[2].split("_") if looks_like_a_market(part)]
    return [("action", found[1]), *(("symbol", part) for part in markets[:1])]
