"""Codes that hold a command and a market, such as ``ENTER-LONG_Binance_BTCUSDT_my-bot``."""

import re

from signalbot.intake.fields import Field, Fields
from signalbot.intake.symbols import looks_like_a_market

_CODE = re.compile(r"((?:ENTER|EXIT)-(?:LONG|SHORT|ALL))((?:_[\w.\-]+)*)", re.IGNORECASE)


def with_codes_read(fields: Fields) -> Fields:
    """The fields, with an action and a symbol in place of each code."""
    return tuple(inner for each in fields for inner in _parts(each))


def from_code(text: str) -> list[tuple[str, str]] | None:
    """The fields of a text that is a code and nothing else; None: it is none."""
    pairs = _read(text.strip())
    return None if pairs is None or len(pairs) == 1 else pairs


def _parts(field: Field) -> Fields:
    pairs = _read(field.value.strip()) if field.segments[-1] == ("code",) else None
    if pairs is None:
        return (field,)
    return tuple(Field((*field.path, name), value) for name, value in pairs)


def _read(text: str) -> list[tuple[str, str]] | None:
    found = _CODE.fullmatch(text)
    if found is None:
        return None
    markets = [part for part in found[2].split("_") if looks_like_a_market(part)]
    return [("action", found[1]), *(("symbol", part) for part in markets[:1])]
