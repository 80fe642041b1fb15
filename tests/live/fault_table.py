"""Renews the fault table of the manual: ``python -m tests.live.fault_table FILE``.

``SIGNALBOT_FAULTS=FILE pytest tests/live`` writes FILE; each row names the promise of one test.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from signalbot.manual.tables import FAULTS_FILE, FaultRow, faults_json

MODULES = (
    "tests.live.test_trading", "tests.live.test_faults", "tests.outage.test_vanishing",
    "tests.live.test_killed", "tests.live.test_stopping",
    "tests.live.test_no_answers", "tests.live.test_late_orders",
)  # fmt: skip
FAMOUS = {"binanceusdm": "Binance", "bybit": "Bybit", "okx": "OKX"}


def fault_rows(lines: list[dict[str, Any]]) -> Iterator[FaultRow]:
    """One row per test, in the order of the folder."""
    promises = _promises()
    lines.sort(key=lambda line: list(promises).index(line["test"]))
    for test, runs in groupby(lines, lambda line: line["test"]):
        yield _row(promises[test], list(runs))


def _row(promise: str, runs: list[dict[str, Any]]) -> FaultRow:
    found = [each for run in runs for each in run["found"]]
    return FaultRow(
        promise=promise,
        exchanges=", ".join(sorted({FAMOUS[run["exchange"]] for run in runs})),
        runs=len(runs),
        doubled_entries=sum(len(each["doubled"]) + len(each["unintended"]) for each in found),
        uncovered_at_end=sum(bool(each["uncovered"]) for each in found),
        longest_without_stop_s=round(max(each["naked_s"] for each in found), 1),
        lost_fills=sum(len(each["lost"]) for each in found),
    )


def _promises() -> dict[str, str]:
    """What each test is called and what it promises, as one sentence."""
    found = {}
    for module in MODULES:
        for name, test in vars(import_module(module)).items():
            if name.startswith("test_"):
                title = name.removeprefix("test_").replace("_", " ")
                detail = (test.__doc__ or "").partition("\n")[0]
                found[name] = f"{title[0].upper()}{title[1:]}. {detail}"
    return found


if __name__ == "__main__":
    written = Path(sys.argv[1]).read_text().splitlines()
    rows = fault_rows([json.loads(line) for line in written])
    Path(str(FAULTS_FILE)).write_text(faults_json(rows))
