"""Profit of closed positions, summed exactly and grouped by user, strategy or symbol."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, localcontext
from enum import StrEnum
from functools import cache
from typing import Any, Final, Protocol

from signalbot.domain.money import HUNDRED, ZERO, text
from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import UserId, subscription_id_of
from signalbot.ledger.views import (
    Connection,
    Row,
    Selection,
    closed_positions,
    open_positions,
)

_EXACT: Final = Context(prec=200)
_FIRST_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC)


class GroupBy(StrEnum):
    """What the rows of a profit table are grouped by."""

    USER = "user"
    STRATEGY = "strategy"
    SYMBOL = "symbol"
    DAY = "day"
    SUBSCRIPTION = "subscription"

    @property
    def column(self) -> str:
        """The column that the rows are grouped by."""
        match self:
            case GroupBy.USER | GroupBy.SUBSCRIPTION:
                return f"{self}_id"
            case _:
                return self.value


class _RowLike(Protocol):
    """A row, as a mapping or ``sqlite3.Row``."""

    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(slots=True)
class _ProfitSum:
    trades: int = 0
    wins: int = 0
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    net: Decimal = ZERO
    best: Decimal | None = None
    worst: Decimal | None = None
    open_positions: int = 0

    def add(self, gross: Decimal, fees: Decimal, funding: Decimal) -> None:
        net = gross - fees + funding
        self.trades += 1
        self.wins += net > 0
        self.gross += gross
        self.fees += fees
        self.funding += funding
        self.net += net
        self.best = net if self.best is None else max(self.best, net)
        self.worst = net if self.worst is None else min(self.worst, net)

    @property
    def win_rate_percent(self) -> Decimal | None:
        return round(self.wins * HUNDRED / self.trades, 1) if self.trades else None


def profit(
    connection: Connection, *, by: GroupBy = GroupBy.USER, selection: Selection
) -> list[Row]:
    """Profit of the positions closed since ``selection.since_ms``, in the order of the groups.

    Each mode and currency has a separate row. A win is a position with a profit after fees and
    funding. Days are UTC days and have no count of open positions; other groups count those open
    now.
    """
    sums: defaultdict[tuple[str, str, str], _ProfitSum] = defaultdict(_ProfitSum)
    with localcontext(_EXACT):
        for row in closed_positions(connection, selection):
            earned = map(Decimal, (row["realized_pnl"], row["fees"], row["funding"]))
            sums[_group(row, by)].add(*earned)
        if by is not GroupBy.DAY:
            for held in open_positions(connection, replace(selection, since_ms=EPOCH)):
                sums[_group(held, by)].open_positions += 1
        return [_line(by, *group, sums[group]) for group in sorted(sums)]


def _group(row: _RowLike, by: GroupBy) -> tuple[str, str, str]:
    return _key(row, by), row["mode"], settlement_currency(row["symbol"])


def _key(row: _RowLike, by: GroupBy) -> str:
    match by:
        case GroupBy.USER:
            return str(row["user_id"])
        case GroupBy.DAY:
            return f"{_FIRST_DAY + timedelta(milliseconds=row['closed_at_ms']):%Y-%m-%d}"
        case GroupBy.SUBSCRIPTION:
            return subscription_id_of(user_id=UserId(row["user_id"]), strategy=row["strategy"])
        case GroupBy.STRATEGY | GroupBy.SYMBOL:
            return str(row[by.value])


@cache
def settlement_currency(symbol: str) -> str:
    """The currency of a market's profit: USDT for ``BTC/USDT`` and ``BTC/USDT:USDT``."""
    _, _, settlement = symbol.rpartition(":")
    return settlement.rpartition("/")[2]


def _line(by: GroupBy, key: str, mode: str, currency: str, total: _ProfitSum) -> Row:
    return {
        by.column: key,
        "mode": mode,
        "currency": currency,
        "trades": total.trades,
        "wins": total.wins,
        "win_rate_percent": _text(total.win_rate_percent),
        "gross_pnl": text(total.gross),
        "fees": text(total.fees),
        "funding": text(total.funding),
        "net_pnl": text(total.net),
        "best": _text(total.best),
        "worst": _text(total.worst),
        "open_positions": None if by is GroupBy.DAY else total.open_positions,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
