"""The fault table: what the fault suite writes becomes the rows that the manual shows."""

from typing import Any

from signalbot.manual.tables import fault_rows as recorded_rows
from signalbot.manual.tables import faults_json
from tests.live.fault_table import fault_rows


def _run(exchange: str, **found: Any) -> dict[str, Any]:
    account = {"doubled": [], "unintended": [], "uncovered": "", "naked_s": 0.0, "lost": []}
    return {
        "test": "test_killed_while_entering",
        "exchange": exchange,
        "found": [account | found],
    }


def test_runs_of_one_test_become_one_row() -> None:
    """Counts are summed; the longest time without a stop counts."""
    [row] = fault_rows(
        [_run("okx", naked_s=1.26), _run("binanceusdm", naked_s=0.5, lost=["1"], doubled=["a"])]
    )
    assert row.promise.startswith("Killed while entering. ")
    assert (row.exchanges, row.runs) == ("Binance, OKX", 2)
    assert (row.doubled_entries, row.lost_fills, row.uncovered_at_end) == (1, 1, 0)
    assert row.longest_without_stop_s == 1.3


def test_the_file_is_written_as_it_is_stored() -> None:
    """Renewing it without a change makes no difference."""
    rows = recorded_rows()
    text = faults_json(rows)
    assert text.count('"promise"') == len(rows)
    assert text.endswith("]\n")
