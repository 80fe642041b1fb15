"""Validated text types of the file: markets, hours, time zones, addresses, globs.

A validator's error completes a sentence that begins with the value: ``'BTCUSDT' is not …``.
"""

import re
from collections.abc import Sequence
from datetime import time
from functools import lru_cache
from ipaddress import ip_address
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from signalbot.config.duration import PATTERN, is_duration, parse_duration
from signalbot.config.time_zones import zone_suggestion
from signalbot.domain.globs import MAX_GLOB_LENGTH, MAX_GLOBS
from signalbot.domain.settings import HoursRange

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
"""Names of exchanges, strategies and users."""

_SYMBOL = re.compile(r"[^\s/:]+/[^\s/:]+(:[^\s/:]+)?")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d:[0-5]\d|2[0-3]:[0-5]\d|24:00)", re.ASCII)
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_CCXT_ID = re.compile(r"[a-z0-9]+", re.ASCII)
_SECRET = re.compile(r"secret:\S+")
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_HIGHEST_PORT = 65_535


DIRECT = "direct"


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty: write a text in the quotes")
    return value


def _symbol(value: str) -> str:
    has_letters = value.lower() != value.upper()
    if not _SYMBOL.fullmatch(value) or (has_letters and value == value.lower()):
        raise ValueError(
            "is not a market: write BASE/QUOTE:SETTLE, as 'BTC/USDT:USDT', for a perpetual "
            "or BASE/QUOTE, as 'BTC/USDT', for spot"
        )
    base, _, rest = value.partition("/")
    quote, _, settle = rest.partition(":")
    traded = "only spot, as 'BTC/USDT', and linear perpetuals, as 'BTC/USDT:USDT', can be traded"
    if "-" in settle:
        raise ValueError(f"is a contract with an expiry date: {traded}")
    if settle and settle == base:
        raise ValueError(f"is an inverse contract, settled in {base} and not in {quote}: {traded}")
    return value


def _ccxt_id(value: str) -> str:
    if not _CCXT_ID.fullmatch(value):
        meant = re.sub(r"[^a-z0-9]", "", value.lower())
        raise ValueError(
            "is not the id of an exchange in ccxt: lowercase letters and digits"
            + (f", as '{meant}'" if meant else "")
        )
    return value


def _egress(value: str) -> str:
    if value == DIRECT or value.startswith(("secret:", "http://", "https://")):
        return value
    try:
        ip_address(value)
    except ValueError:
        raise ValueError(
            "is neither 'direct', a proxy such as 'http://host:3128' or 'secret:NAME', nor an "
            "address of this machine"
        ) from None
    return value


def _time_of_day(value: object) -> time:
    if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
        raise ValueError("is not a time of day such as '03:30'")
    return time.fromisoformat(value)


def all_different(values: Sequence[str]) -> Sequence[str]:
    """Check that no value occurs twice."""
    seen: set[str] = set()
    for each in values:
        if each in seen:
            raise ValueError(f"names {each!r} twice")
        seen.add(each)
    return values


def _bounded(values: Sequence[Any]) -> Sequence[Any]:
    if len(values) > MAX_GLOBS:
        raise ValueError(f"has {len(values)} entries: at most {MAX_GLOBS} are possible")
    return values


def _glob(value: str) -> str:
    if len(value) > MAX_GLOB_LENGTH:
        raise ValueError(f"is longer than {MAX_GLOB_LENGTH} characters")
    return value


def _not_empty(values: Sequence[str]) -> Sequence[str]:
    if not values:
        raise ValueError("is empty: name at least one")
    return values


def _hours(value: object) -> HoursRange:
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("is not a span of the day such as '08:00-22:00'")
    start = time(int(found[1]), int(found[2]))
    # The midnight that ends a day is the midnight that starts the next.
    end = time() if found[3] == "24:00" else time.fromisoformat(found[3])
    if start == end:
        raise ValueError("starts where it ends: leave out hours to allow any hour")
    return HoursRange(start, end)


@lru_cache
def _time_zone(value: str) -> str:
    if value == "UTC":  # valid even without a time zone database
        return value
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"is not an IANA time zone{zone_suggestion(value)}") from None
    return value


def _limits(value: object) -> dict[int, int]:
    """Parse request counts, or weights, by the length of their window in milliseconds."""
    if not isinstance(value, dict) or not all(map(is_duration, value)):
        raise ValueError("is not a table such as { '1m' = 2400 }: durations and request counts")
    for count in value.values():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"allows {count!r}: a whole number of at least 1 is needed")
    return {parse_duration(name): count for name, count in value.items()}


def _secret(value: str) -> str:
    if not _SECRET.fullmatch(value):
        raise ValueError("is not 'secret:NAME': put the key into the vault with 'secret set NAME'")
    return value


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("is not an address such as 'https://api.example.com/v1'")
    return value


def _notify(value: str) -> str:
    if "://" not in value and not _SECRET.fullmatch(value):
        raise ValueError("is neither an apprise URL nor 'secret:NAME'")
    return value


def split_listen(value: object) -> tuple[str, int] | None:
    """Split ``HOST:PORT`` or ``[IPV6]:PORT``; None if it is neither."""
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None  # an IPv6 address without brackets is ambiguous
    if not host or not _PORT.fullmatch(port) or not 0 < int(port) <= _HIGHEST_PORT:
        return None
    return host, int(port)


def _listen(value: object) -> tuple[str, int]:
    found = split_listen(value)
    if found is None:
        raise ValueError("is not an address and port such as '127.0.0.1:8787' or '[::1]:8787'")
    return found


RequestLimits = Annotated[
    dict[int, int],
    PlainValidator(_limits),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": PATTERN},
            "additionalProperties": {"type": "integer", "minimum": 1},
        }
    ),
]
Text = Annotated[str, AfterValidator(_text)]
Globs = Annotated[tuple[Annotated[Text, AfterValidator(_glob)], ...], AfterValidator(_bounded)]
Symbol = Annotated[str, AfterValidator(_symbol)]
Symbols = Annotated[
    tuple[Symbol, ...],
    AfterValidator(_not_empty),
    AfterValidator(_bounded),
    AfterValidator(all_different),
]
Egress = Annotated[str, AfterValidator(_egress)]
CcxtId = Annotated[str, AfterValidator(_ccxt_id)]
Hours = Annotated[
    HoursRange,
    PlainValidator(_hours),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d-\d\d:\d\d$"}),
]
AllHours = Annotated[tuple[Hours, ...], AfterValidator(_bounded)]
TimeOfDay = Annotated[
    time,
    PlainValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d$"}),
]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
NotifyUrl = Annotated[str, AfterValidator(_notify)]
SecretName = Annotated[str, AfterValidator(_secret)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Listen = Annotated[
    tuple[str, int],
    PlainValidator(_listen),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8787"]}),
]
Name = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]
