"""What the page tells beyond the results."""

from signalbot.replay.report.html import details_table, strategies_table
from tests.replay.report_fixtures import (
    ALICE,
    START,
    closed_position,
    curve_of,
    history_of,
    open_position,
    summary_of,
)


def test_the_worst_time_is_dated() -> None:
    """From the peak to the trough, and when it was made good."""
    history = history_of([closed_position("300"), open_position()])
    equity = {ALICE: curve_of([10_000, 9_000, 9_500, 10_500])}
    table = details_table(summary_of(history, equity))
    told = dict(zip(table.header, table.rows[0], strict=True))
    assert (told["Start"], told["Closed PnL"]) == ("10,000.00", "+300.00")
    assert (told["Funding"], told["Per trade"], told["Best"]) == ("0.00", "+300.00", "+300.00")
    assert (told["Max DD"], told["From"]) == ("1,000.00", "2022-01-01 00:00")
    assert (told["To"], told["Recovered"]) == ("2022-01-02 00:00", "2022-01-04 00:00")


def test_what_never_fell_has_no_worst_time() -> None:
    """Nor has an account that was never looked at."""
    for equity in ({}, {ALICE: curve_of([10_000, 10_000], start_ms=START)}):
        table = details_table(summary_of(history_of(), equity))
        told = dict(zip(table.header, table.rows[0], strict=True))
        assert (told["From"], told["To"], told["Recovered"]) == ("-", "-", "-")


def test_strategies_are_listed_with_their_runs() -> None:
    """By name, as the ledger gives them."""
    table = strategies_table(summary_of(history_of()))
    assert dict(zip(table.header, table.rows[0], strict=True)) == {
        "Strategy": "trend",
        "Kind": "ema_cross",
        "Timeframe": "5m",
        "Runs": "240",
        "Signals": "9",
        "Failed runs": "1",
    }
