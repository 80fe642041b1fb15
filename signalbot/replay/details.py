"""The tables that only the page has room for."""

from signalbot.replay import figures
from signalbot.replay.summary import Summary, Table, UserReport


def details_table(summary: Summary) -> Table:
    """What the results leave out: balances, the typical and the worst, and when it was worst."""
    header = [
        "User", "Start", "Closed PnL", "Gross PnL", "Funding", "Per trade", "Best", "Worst",
        "Loss streak", "Sortino", "Max DD", "From", "To", "Recovered",
    ]  # fmt: skip
    return Table("Details", header, [_details(user) for user in summary.users])


def strategies_table(summary: Summary) -> Table:
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
    return Table("Strategies", header, rows)


def _details(user: UserReport) -> list[str]:
    metrics, fall = user.metrics, user.metrics.max_drawdown
    dated = fall if fall and fall.quote else None
    return [
        user.user_id,
        figures.money(user.start_equity),
        figures.profit(metrics.net_pnl),
        figures.profit(metrics.gross_pnl),
        figures.profit(metrics.funding),
        figures.profit(metrics.expectancy),
        figures.profit(metrics.best),
        figures.profit(metrics.worst),
        str(metrics.max_consecutive_losses),
        figures.ratio(metrics.sortino),
        figures.money(fall.quote if fall else None),
        figures.minute(dated.peak_ms if dated else None),
        figures.minute(dated.trough_ms if dated else None),
        figures.minute(dated.recovered_ms if dated else None),
    ]
