"""Durations as text: ``5m``, ``30s``, ``1h30m``, ``250ms``."""

import re

PATTERN = r"^(?=.)(?:\d{1,9}d)?(?:\d{1,9}h)?(?:\d{1,9}m)?(?:\d{1,9}s)?(?:\d{1,9}ms)?$"
_PARTS = re.compile(PATTERN, re.ASCII)
_PART = re.compile(r"(\d+)([a-z]+)", re.ASCII)
_UNIT_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def is_duration(text: str) -> bool:
    """Return whether ``parse_duration`` can read ``text``."""
    return bool(_PARTS.fullmatch(text))


def parse_duration(text: str) -> int:
    """Return the milliseconds of ``text``: whole numbers of d, h, m, s and ms, in that order.

    Raises:
        ValueError: the text is not such a duration.
    """
    if not is_duration(text):
        raise ValueError(f"{text!r} is not a duration such as '5m', '30s', '1h30m' or '250ms'")
    return sum(int(count) * _UNIT_MS[unit] for count, unit in _PART.findall(text))


def duration_text(ms: int) -> str:
    """Return the shortest text that ``parse_duration`` reads as ``ms`` (>= 0)."""
    if ms == 0:
        return "0s"
    parts = []
    for unit, unit_ms in _UNIT_MS.items():
        count, ms = divmod(ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
