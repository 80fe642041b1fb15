"""The tables that only the page has room for."""

from signalbot.replay.report import formatting
from signalbot.replay.report.summary import ReportTable, Summary, UserReport


def details_table(summary: Summary) -> ReportTable:
    """What the results leave out: balances, the typical and the worst, and when it was worst."""
    header = [
        "User", "Start", "Closed PnL", "Gross PnL", "Funding", "Per trade", "Best", "Worst",
        "Loss streak", "Sortino", "Max DD", "From", "To", "Recovered",
    ]  # fmt: skip
    return ReportTable("Details", header, [_detail_row(user) for user in summary.users])


def strategies_table(summary: Summary) -> ReportTable:
    """How often each strategy ran, and what came of it."""
    header = ["Strategy", "Kind", "Timeframe", "Runs", "Signals", "Failed runs"]
    rows = [
        [
            each.name,
            each.kind,
            each.timeframe,
            f"{each.runs:,}",
            f"{each.signals:,}",
            f"{each.failed_runs:,}",
        ]
        for each in summary.strategies
    ]
    return ReportTable("Strategies", header, rows)


def _detail_row(user: UserReport) -> list[str]:
    metrics, fall = user.metrics, user.metrics.max_drawdown
    dated = fall if fall and fall.quote else None
    return [
        user.user_id,
        formatting.format_money(user.start_equity),
        formatting.format_profit(metrics.net_pnl),
        formatting.format_profit(metrics.gross_pnl),
        formatting.format_profit(metrics.funding),
        formatting.format_profit(metrics.expectancy),
        formatting.format_profit(metrics.best),
        formatting.format_profit(metrics.worst),
        str(metrics.max_consecutive_losses),
        formatting.format_ratio(metrics.sortino),
        formatting.format_money(fall.quote if fall else None),
        formatting.format_minute(dated.peak_ms if dated else None),
        formatting.format_minute(dated.trough_ms if dated else None),
        formatting.format_minute(dated.recovered_ms if dated else None),
    ]
