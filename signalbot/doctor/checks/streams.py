"""Checks that strategies with subscribers have received the candles that closed."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.timeframe import Timeframe
from signalbot.ledger import views

NAME = "streams"
ORDER = 120
_GRACE_MS = 60_000


def check(installation: Installation) -> Iterator[Finding]:
    if installation.pid is None:
        return
    with installation.open_ledger() as connection:
        if connection is None:
            return
        followed = {row["name"] for row in views.strategies(connection) if row["subscribers"]}
        runs = [
            row
            for row in views.last_runs(connection)
            if row["strategy"] in followed and row["timeframe"]  # webhook sources have none
        ]
        at = views.ledger_time(connection)
    now_ms = max(at.clock_ms, at.last_ms or 0)
    late = [row for row in runs if now_ms > _due_ms(row, installation)]
    for row in late:
        waiting_s = (now_ms - _due_ms(row, installation)) // 1000
        yield problem(
            NAME,
            f"{row['strategy']} has no {row['timeframe']} candle of {row['symbol']}: "
            f"it is {waiting_s} s overdue",
            "look for stream.timed_out, candle.fetch_failed and exchange.banned in the log; "
            "try 'signalbot doctor --online'",
        )
    if runs and not late:
        yield passed(NAME, f"{len(runs)} streams are up to date")


def _due_ms(row: views.Row, installation: Installation) -> int:
    """When the run after the last one, or after the start, is overdue."""
    last_ms = max(row["candle_close_ms"] or 0, installation.started_ms)
    return int(last_ms + Timeframe(row["timeframe"]).ms + _GRACE_MS)
