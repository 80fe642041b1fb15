"""Summarizes a replay per user: from its ledger to tables and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import HUNDRED, ZERO, text
from signalbot.domain.positions import Position
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.history import LedgerHistory, ReportedUser, StrategyRuns
from signalbot.replay.candle_files.candle_series import Coverage
from signalbot.replay.report import formatting
from signalbot.replay.report.assumptions import versions
from signalbot.replay.report.equity import Curve
from signalbot.replay.report.metrics import TradeMetrics, measure_trades


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReport:
    """Results of one user; money in quote units."""

    user_id: UserId
    mode: Mode
    start_equity: Decimal
    end_equity: Decimal  #: open positions valued at the last price
    open_positions: int  #: at the end
    open_pnl: Decimal  #: their result so far: ``end - start - metrics.net_pnl``
    total_pnl: Decimal  #: of all positions, open ones at the last price: ``end - start``
    total_percent: float | None  #: of the starting equity
    total_fees: Decimal  #: of all positions
    refused: int  #: signals skipped
    refusals: Mapping[str, int]  #: the same by reason code, most frequent first
    executions: Mapping[str, int]  #: executions by status
    metrics: TradeMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    coverage: Coverage
    elapsed_s: float  #: how long the replay took
    candles_per_s: float | None
    strategies: Sequence[StrategyRuns]
    users: Sequence[UserReport]  #: by name
    versions: Mapping[str, str]  #: of the software, by name
    assumptions: Sequence[str]  #: of the simulation, as sentences


class ReportTable(NamedTuple):
    """A table of text; every row is as long as the header."""

    title: str
    header: list[str]
    rows: list[list[str]]


def summarize(
    history: LedgerHistory,
    *,
    coverage: Coverage,
    equity: Mapping[UserId, Curve],
    elapsed_s: float,
    assumptions: Sequence[str] = (),
) -> Summary:
    """Measure every user of a replay's ledger.

    A user without equity samples, such as a signal-only user, keeps the starting balance.
    """
    return Summary(
        versions=versions(),
        assumptions=assumptions,
        coverage=coverage,
        elapsed_s=elapsed_s,
        candles_per_s=coverage.candles / elapsed_s if elapsed_s > 0 else None,
        strategies=history.strategies,
        users=[
            _report(user, history, coverage, equity.get(user.user_id, ())) for user in history.users
        ],
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """Convert the summary to JSON types: decimals as plain text, times in ``_ms``."""
    found: dict[str, Any] = to_plain(summary)
    return found


def tables(summary: Summary) -> list[ReportTable]:
    """Return results by user, skipped signals by user and code, exits by user and reason.

    Results are net of fees and funding, with open positions at the last price; wins, profit factor
    and exits are of closed positions. Empty tables of skips and exits are omitted.
    """
    results = ReportTable("Results", list(_COLUMNS), [_result_row(user) for user in summary.users])
    others = (_skips_table(summary.users), _exits_table(summary.users))
    return [results, *(table for table in others if table.rows)]


_COLUMNS = (
    "User", "Mode", "Trades", "Open", "Win %", "Net PnL", "Unrealized", "Equity", "Net %", "Fees",
    "Max DD %", "Sharpe", "Profit factor", "Avg hold", "Exposure %", "Skipped",
)  # fmt: skip


def _report(
    user: ReportedUser, history: LedgerHistory, coverage: Coverage, curve: Curve
) -> UserReport:
    positions: Sequence[Position] = history.positions.get(user.user_id, ())
    start = user.paper_balance
    end = curve[-1][1] if curve else start
    metrics = measure_trades(
        positions,
        start_equity=start,
        equity=curve,
        start_ms=coverage.start_ms,
        end_ms=coverage.end_ms,
    )
    refusals = history.refusals.get(user.user_id, {})
    return UserReport(
        user_id=user.user_id,
        mode=user.mode,
        start_equity=start,
        end_equity=end,
        open_positions=sum(each.is_open for each in positions),
        open_pnl=end - start - metrics.net_pnl,
        total_pnl=end - start,
        total_fees=sum((each.fees for each in positions), ZERO),
        total_percent=float((end - start) / start * HUNDRED) if start > 0 else None,
        refused=sum(refusals.values()),
        refusals=refusals,
        executions=history.executions.get(user.user_id, {}),
        metrics=metrics,
    )


def _result_row(user: UserReport) -> list[str]:
    metrics = user.metrics
    fall = metrics.max_drawdown
    return [
        user.user_id,
        user.mode.value,
        str(metrics.trades),
        str(user.open_positions),
        formatting.format_share(metrics.win_rate),
        formatting.format_profit(user.total_pnl),
        formatting.format_profit(user.open_pnl) if user.open_positions else formatting.NO_VALUE,
        formatting.format_money(user.end_equity),
        formatting.format_change(user.total_percent),
        formatting.format_money(user.total_fees),
        formatting.format_ratio(fall.percent if fall else None),
        formatting.format_ratio(metrics.sharpe),
        formatting.format_ratio(metrics.profit_factor),
        formatting.format_duration(metrics.average_hold_ms),
        formatting.format_share(metrics.exposure),
        str(user.refused),
    ]


def _skips_table(users: Sequence[UserReport]) -> ReportTable:
    rows = [
        [user.user_id, code, str(count), DecisionCode[code].cause]
        for user in users
        for code, count in user.refusals.items()
    ]
    return ReportTable("Skipped signals", ["User", "Code", "Signals", "Reason"], rows)


def _exits_table(users: Sequence[UserReport]) -> ReportTable:
    rows = [
        [
            user.user_id,
            exits.reason.value,
            str(exits.trades),
            formatting.format_share(exits.wins / exits.trades),
            formatting.format_profit(exits.net_pnl),
        ]
        for user in users
        for exits in user.metrics.exits
    ]
    return ReportTable("Exits", ["User", "Closed by", "Trades", "Win %", "Net PnL"], rows)


def to_plain(value: Any) -> Any:
    """Convert dataclasses and decimals to JSON types."""
    match value:
        case Decimal():
            return text(value)
        case str():
            return str(value)
        case int() | float() | None:
            return value
        case Mapping():
            return {str(key): to_plain(each) for key, each in value.items()}
        case _ if is_dataclass(value):
            return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
        case _:
            return [to_plain(each) for each in value]
