"""Options that several commands share, as annotated types.

Choices are literals here and in the commands: importing the domain's enumerations, which a test
compares with them, takes too long at start.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from signalbot.config.duration import is_duration, parse_duration
from signalbot.domain.timeframe import Ms, from_datetime

DEFAULT_LIMIT = 50
_MAX_ROWS = 10**9


def _root_config(ctx: typer.Context, value: Path | None) -> Path | None:
    """``signalbot -c FILE status`` is the same as ``signalbot status -c FILE``."""
    return ctx.find_root().params.get("config") if value is None else value


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Default $SIGNALBOT_CONFIG, ./config.toml, /etc/signalbot/config.toml.",
        callback=_root_config,
    ),
]
LedgerOption = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        metavar="FILE",
        help="Read this ledger, without a configuration.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class Since:
    """Start of a listing: an instant, or a duration before now."""

    at_ms: Ms | None = None
    ago_ms: int = 0


def _since(value: str) -> Since:
    if is_duration(value):
        return Since(ago_ms=parse_duration(value))
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(
            f"{value!r} is neither a duration such as 24h or 7d nor a date such as 2022-01-05"
        ) from None
    return Since(at_ms=from_datetime(moment))


ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="COLUMNS",
        help="Candle columns: time,open,high,low,close,volume or close=Last.",
    ),
]
TimeFormatOption = Annotated[
    str | None,
    typer.Option(
        "--time-format",
        metavar="FORMAT",
        help="Time format: s, ms, excel, '%d/%m/%Y %H:%M'.",
    ),
]
TimeZoneOption = Annotated[
    str | None,
    typer.Option("--time-zone", metavar="ZONE", help="Zone of local times: Europe/Berlin, +08:00."),
]
DecimalOption = Annotated[
    str | None,
    typer.Option("--decimal", metavar="SIGN", help="Decimal separator: . or ,"),
]


SinceOption = Annotated[
    Since | None,
    typer.Option(
        "--since",
        metavar="SPAN|DATE",
        help="Start: 24h or 7d ago, or UTC date.",
        parser=_since,
    ),
]


def _as_glob(value: str | None) -> str | None:
    """Expand ``BTC`` to a glob of all its markets; leave symbols and globs unchanged."""
    return f"{value}/*" if value and "/" not in value and "*" not in value else value


SymbolOption = Annotated[
    str | None,
    typer.Option(
        "--symbol",
        metavar="SYMBOL",
        help="Only this market: BTC/USDT:USDT, 'BTC/*' or BTC.",
        callback=_as_glob,
    ),
]
UserOption = Annotated[str | None, typer.Option("--user", metavar="USER", help="Only this user.")]
StrategyOption = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="Only this strategy.")
]
LimitOption = Annotated[
    int,
    typer.Option("--limit", min=0, max=_MAX_ROWS, help="Maximum rows, newest first; 0 for all."),
]
