"""The daily summary: closed trades, their results, and open positions. Pure but for its query."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms
from signalbot.ledger.profit import GroupBy, profit
from signalbot.ledger.views import Connection, Row, Selection
from signalbot.notifications.formatting import signed, weekday_and_time
from signalbot.notifications.message import Message

_MAX_LISTED_USERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPeriod:
    """The time that a summary covers."""

    since_ms: Ms  #: inclusive
    until_ms: Ms  #: exclusive
    zone: ZoneInfo


def last_due_ms(now_ms: Ms, at: time, zone: ZoneInfo) -> Ms:
    """The latest instant, not after ``now_ms``, at which it is ``at`` in ``zone``."""
    return _due_ms(now_ms, at, zone, step=-1)


def next_due_ms(now_ms: Ms, at: time, zone: ZoneInfo) -> Ms:
    """The first instant after ``now_ms`` at which it is ``at`` in ``zone``."""
    return _due_ms(now_ms, at, zone, step=1)


def _due_ms(now_ms: Ms, at: time, zone: ZoneInfo, *, step: int) -> Ms:
    """Looks at three days; a time skipped by daylight saving counts as if it existed."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    days = [today + timedelta(days=step * count) for count in (-1, 0, 1)]
    found = [datetime.combine(each, at, zone).astimezone(UTC).timestamp() for each in days]
    instants = sorted(Ms(round(each * 1000)) for each in found)
    if step > 0:
        return next(each for each in instants if each > now_ms)
    return next(each for each in reversed(instants) if each <= now_ms)


def profit_by_user(connection: Connection, *, since_ms: Ms, until_ms: Ms) -> dict[str, list[Row]]:
    """Results of the trades closed in a period, by user: a row for each mode and currency."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    selection = Selection(since_ms=since_ms, until_ms=until_ms)
    for row in profit(connection, by=GroupBy.USER, selection=selection):
        found[row["user_id"]].append(row)
    return dict(found)


def user_summary(rows: Sequence[Row], period: SummaryPeriod) -> Message | None:
    """The summary for one user; None without trades and open positions."""
    if not any(row["trades"] or row["open_positions"] for row in rows):
        return None
    lines = [line for row in rows for line in _lines(row)]
    return Message(f"📊 {_title(period)}", "\n".join(lines))


def operator_summary(
    by_user: Mapping[str, Sequence[Row]], states: Mapping[str, int], period: SummaryPeriod
) -> Message:
    """The summary for the operator, written for every day.

    ``states`` counts users by status.
    """
    rows = [row for found in by_user.values() for row in found]
    lines = [line for total in _totals(rows) for line in _lines(total)] or ["No trades."]
    counted = ", ".join(f"{count} {status.lower()}" for status, count in sorted(states.items()))
    lines.append(f"Users: {counted or 'none'}")
    best = sorted((row for row in rows if row["trades"]), key=_net, reverse=True)
    lines += [f"{row['user_id']}: {_gain(row)}{_paper(row)}" for row in best[:_MAX_LISTED_USERS]]
    if len(best) > _MAX_LISTED_USERS:
        lines.append(f"and {len(best) - _MAX_LISTED_USERS} more")
    return Message(f"📊 All accounts, {_title(period)}", "\n".join(lines))


def _title(period: SummaryPeriod) -> str:
    begin = weekday_and_time(period.since_ms, period.zone)
    return f"{begin} to {weekday_and_time(period.until_ms, period.zone)}"


def _lines(row: Row) -> Iterator[str]:
    trades, wins = row["trades"], row["wins"]
    if trades:
        yield f"Result: {_gain(row)} after fees{_paper(row)}"
        yield f"Trades: {trades}, {wins} won"
        best, worst = (Decimal(row[key]) for key in ("best", "worst"))
        if trades > 1:
            yield f"Best {signed(best, row['currency'])}, worst {signed(worst, row['currency'])}"
    if row["open_positions"]:
        yield f"Open positions: {row['open_positions']}{'' if trades else _paper(row)}"


def _totals(rows: Sequence[Row]) -> Iterator[Row]:
    """Totals by mode and currency: paper and live results are never added."""
    groups: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["mode"], row["currency"]].append(row)
    for (mode, currency), found in sorted(groups.items()):
        traded = [row for row in found if row["trades"]]
        yield {
            "mode": mode,
            "currency": currency,
            "trades": sum(row["trades"] for row in found),
            "wins": sum(row["wins"] for row in found),
            "net_pnl": sum(map(_net, found), ZERO),
            "best": max((Decimal(row["best"]) for row in traded), default=ZERO),
            "worst": min((Decimal(row["worst"]) for row in traded), default=ZERO),
            "open_positions": sum(row["open_positions"] for row in found),
        }


def _net(row: Row) -> Decimal:
    return Decimal(row["net_pnl"])


def _gain(row: Row) -> str:
    return signed(_net(row), row["currency"])


def _paper(row: Row) -> str:
    return " (paper)" if row["mode"] == "paper" else ""
