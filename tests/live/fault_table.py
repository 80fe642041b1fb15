"""The fault suite's table, of what was found in the runs: ``python -m tests.live.fault_table
FILE``.

``SIGNALBOT_FAULTS=FILE pytest tests/live`` writes the file. A row says what a test promises.
"""

import json
import sys
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

MODULES = (
    "tests.live.test_trading", "tests.live.test_faults", "tests.outage.test_vanishing",
    "tests.live.test_killed", "tests.live.test_stopping",
    "tests.live.test_no_answers", "tests.live.test_late_orders",
)  # fmt: skip
HEAD = "| what happens, and what is promised | exchanges | runs | entries twice | naked at the end | longest without a stop | fills lost |"  # noqa: E501
RULE = "|---|---|---:|---:|---:|---:|---:|"
FAMOUS = {"binanceusdm": "Binance", "bybit": "Bybit", "okx": "OKX"}


def table(lines: list[dict[str, Any]]) -> str:
    """One row per test, in the order of the folder."""
    promises = _promises()
    lines.sort(key=lambda line: list(promises).index(line["test"]))
    rows = [
        _row(promises[test], list(runs)) for test, runs in groupby(lines, lambda it: it["test"])
    ]
    return "\n".join((HEAD, RULE, *rows))


def _row(promise: str, runs: list[dict[str, Any]]) -> str:
    found = [each for run in runs for each in run["found"]]
    exchanges = ", ".join(sorted({FAMOUS[run["exchange"]] for run in runs}))
    cells = (
        promise,
        exchanges,
        len(runs),
        sum(len(each["doubled"]) + len(each["unintended"]) for each in found),
        sum(bool(each["uncovered"]) for each in found),
        f"{max(each['naked_s'] for each in found):.1f} s",
        sum(len(each["lost"]) for each in found),
    )
    return f"| {' | '.join(map(str, cells))} |"


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
    print(table([json.loads(line) for line in written]))
