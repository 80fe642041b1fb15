"""User options that resolve ambiguities of candle files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Final, Literal
from zoneinfo import ZoneInfo

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms

COLUMNS: Final = "--columns"
TIME_FORMAT: Final = "--time-format"
TIME_ZONE: Final = "--time-zone"
DECIMAL: Final = "--decimal"

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII)
_MAX_OFFSET_HOURS: Final = 14


class ColumnRole(StrEnum):
    """Role of a column."""

    TIME = "time"
    DATE = "date"  #: a day, next to a column of times of day
    CLOSE_TIME = "close_time"
    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    CLOSE = "close"
    VOLUME = "volume"
    SYMBOL = "symbol"
    INTERVAL = "interval"
    CLOSED = "closed"  #: whether the candle is final


PRICES: Final = (ColumnRole.OPEN, ColumnRole.HIGH, ColumnRole.LOW, ColumnRole.CLOSE)
NUMBER_UNITS: Final = ("s", "ms", "us", "ns", "excel")
"""Values of ``--time-format`` for numeric times."""


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Columns by role, from ``--columns``; a column is a name or an index from 0."""

    by_role: Mapping[ColumnRole, str | int]
    ignored: frozenset[ColumnRole] = frozenset()
    is_complete: bool = False  #: all columns are listed, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options for ambiguous input; None is decided by the file or rejected."""

    columns: ColumnChoice | None = None
    time_format: str | None = None  #: one of ``NUMBER_UNITS``, or a ``strptime`` format
    time_zone: tzinfo | None = None  #: of times without zone
    decimal: Literal[".", ","] | None = None
    is_one_market: bool = False  #: known to be, so that price jumps are allowed
    now_ms: Ms | None = field(
        default=None, compare=False
    )  #: a candle that closes later is unfinished


def read_options(
    *,
    columns: str | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    decimal: str | None = None,
    now_ms: Ms | None = None,
) -> ReadOptions:
    """Parse the options of the command line.

    Raises:
        ConfigError: an option is invalid.
    """
    if decimal not in (None, ".", ","):
        raise ConfigError(f"{DECIMAL} {decimal}: must be ',' or '.'")
    if time_format is not None and time_format not in NUMBER_UNITS and "%" not in time_format:
        raise ConfigError(
            f"{TIME_FORMAT} {time_format}: neither one of {', '.join(NUMBER_UNITS)} nor a format "
            "such as '%d/%m/%Y %H:%M'"
        )
    return ReadOptions(
        columns=None if columns is None else parse_columns(columns),
        time_format=time_format,
        time_zone=None if time_zone is None else parse_zone(time_zone),
        decimal="," if decimal == "," else "." if decimal == "." else None,
        now_ms=now_ms,
    )


def parse_columns(text: str) -> ColumnChoice:
    """Parse ``time,open,high,low,close,volume`` in file order, or ``close=Price,time=1``.

    In a list ``-`` skips a column. In the other form a number is a position from 1; other columns
    are found automatically, and ``symbol=-`` ignores a column.

    Raises:
        ConfigError: a role is unknown or named twice.
    """
    items = [item.strip() for item in text.split(",")]
    if not any("=" in item for item in items):
        return _in_order(items)
    chosen: dict[ColumnRole, str | int] = {}
    ignored: set[ColumnRole] = set()
    for item in items:
        word, _, column = item.partition("=")
        role, column = _parse_role(word.strip()), column.strip()
        if role in chosen or role in ignored or not column:
            raise ConfigError(f"{COLUMNS} {item}: expected each ROLE=COLUMN once")
        if column == "-":
            ignored.add(role)
        else:
            chosen[role] = int(column) - 1 if column.isdecimal() and int(column) > 0 else column
    return ColumnChoice(chosen, frozenset(ignored))


def parse_zone(text: str) -> tzinfo:
    """Parse an IANA zone such as ``Europe/Berlin``, or an offset such as ``+08:00``.

    Raises:
        ConfigError: it is neither.
    """
    found = _OFFSET.fullmatch(text.strip().upper())
    if found and int(found[2]) <= _MAX_OFFSET_HOURS:
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        return timezone(timedelta(minutes=minutes if found[1] == "+" else -minutes))
    try:
        return ZoneInfo("UTC" if text.upper() in ("UTC", "GMT", "Z") else text)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"{TIME_ZONE} {text}: neither an IANA time zone such as 'Europe/Berlin' nor an "
            "offset such as '+08:00'"
        ) from None


def _in_order(items: Sequence[str]) -> ColumnChoice:
    chosen: dict[ColumnRole, str | int] = {}
    for index, item in enumerate(items):
        if item in ("-", ""):
            continue
        role = _parse_role(item)
        if role in chosen:
            raise ConfigError(f"{COLUMNS}: {item!r} is listed twice")
        chosen[role] = index
    missing = [role for role in PRICES if role not in chosen]
    if missing or not chosen.keys() & {ColumnRole.TIME, ColumnRole.CLOSE_TIME, ColumnRole.DATE}:
        raise ConfigError(
            f"{COLUMNS}: the list lacks {', '.join(missing) or 'time'}; or set single "
            "columns, such as close=Price"
        )
    return ColumnChoice(chosen, is_complete=True)


def _parse_role(word: str) -> ColumnRole:
    try:
        return ColumnRole(word.lower())
    except ValueError:
        raise ConfigError(f"{COLUMNS}: {word!r} is not one of {', '.join(ColumnRole)}") from None
