"""Parses candle lengths in columns and file names."""

import re
from collections.abc import Iterable
from typing import Final

_INTERVAL: Final = re.compile(
    r"(\d+)\s*(s|sec|m|min|mins|minute|minutes|h|hr|hour|hours|d|day|days)", re.IGNORECASE
)
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def interval_ms(text: str) -> int | None:
    """Return the length of ``1m``, ``5min``, ``4H``, ``1day``; None without unit, or for months."""
    found = _INTERVAL.fullmatch(text.strip())
    if found is None or found[2] == "M":
        return None
    return int(found[1]) * _UNIT_MS[found[2][0].lower()]


def several(texts: Iterable[str]) -> list[str]:
    """Return the distinct lengths among ``texts`` if there are several."""
    found = {text.strip() for text in texts if text.strip()}
    lengths = {interval_ms(text) or text for text in found}
    return sorted(found) if len(lengths) > 1 else []
