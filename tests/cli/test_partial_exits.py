"""Exits of a part in a replay of a strategy file, and in what-if over the ledger it wrote."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.exchange.simulated.driver import SeededPrices
from signalbot.settings.simulation import SimulationRules
from tests.cli.command_line import CommandLine
from tests.sandbox.strategy_fixtures import write

pytestmark = pytest.mark.process

_BTC = "BTC/USDT:USDT"
_BEGIN = Ms(1_640_995_200_000)  # 2022-01-01 00:00 UTC
_CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.own]
kind = "file"
path = "strategies/own.py"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "5m"
[users.ann.account]
exchange = "sim"
[users.ann.subscriptions.own]
"""
_BODY = """
    hour = int(candles.main.close_ms / 300_000) % 12
    close = candles.main.close[-1]
    if hour == 0: return long("in", stop_loss=close * 0.99, take_profits=[close * 1.03])
    if hour == 4: return exit_long("half", percent=50)
    if hour == 8: return exit_long("out")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A folder with a strategy that leaves in parts, and the ledger of its replay."""
    shell = CommandLine(tmp_path_factory.mktemp("parts"))
    write(shell.folder / "strategies", _BODY)
    (shell.folder / "config.toml").write_text(_CONFIG)
    rows = SeededPrices(SimulationRules(seed=3)).history(
        _BTC, Timeframe.M5, Ms(_BEGIN + DAY_MS), 288
    )
    lines = (f"{c.open_ms},{c.open},{c.high},{c.low},{c.close},{c.volume}\n" for c in rows)
    (shell.folder / "btc.csv").write_text("open_ms,open,high,low,close,volume\n" + "".join(lines))
    done = shell.run(
        "replay", "-c", "config.toml", "--candles", "btc.csv", "--symbol", _BTC,
        "--ledger", "own.db", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    return shell


def test_a_strategy_file_leaves_in_parts(home: CommandLine) -> None:
    """Half at first, the rest later; profit and fees are those of both fills."""
    with closing(sqlite3.connect(Path(home.folder) / "own.db")) as ledger:
        ledger.row_factory = sqlite3.Row
        positions = ledger.execute("SELECT * FROM positions").fetchall()
        exits = ledger.execute("SELECT * FROM orders WHERE leg = 'exit'").fetchall()
        reduced = ledger.execute("SELECT * FROM events WHERE kind = 'position.reduced'").fetchall()
    assert len(positions) > 10
    assert len(reduced) > 5
    for position in positions:
        mine = [each for each in exits if each["position_id"] == position["position_id"]]
        if len(mine) < 2:
            continue  # its stop came first
        first, second = (Decimal(each["filled"]) for each in mine)
        whole = Decimal(position["entry_quantity"])
        assert first + second == whole == Decimal(position["exit_quantity"])
        assert abs(first - whole / 2) <= Decimal("0.001")
        gross = sum(
            Decimal(each["filled"])
            * (Decimal(each["average_price"]) - Decimal(position["entry_price"]))
            for each in mine
        )
        assert abs(Decimal(position["realized_pnl"]) - gross) < Decimal("0.000001")


def test_what_if_of_parts_with_nothing_changed_is_what_was(home: CommandLine) -> None:
    """Every cent; and the signals are listed with the part that they close."""
    asked = ("replay", "--signals", "--ledger", "own.db", "--user", "ann", "--json")
    found = home.ask(*asked, "--candles", "btc.csv", "--symbol", _BTC)
    assert found.code == 0, found.err
    was, present = found.json["courses"]
    assert {**was, "name": ""} == {**present, "name": ""}
    assert found.json["differences"] == []
    listed = home.ask("signals", "--ledger", "own.db", "--limit", "0", "--json").json
    assert {each["exit_percent"] for each in listed} == {"50", "100"}
