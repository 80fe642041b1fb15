"""Users in mode signals: several exchanges, advice, exits."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import CommandLine
from tests.forked_process import fork
from tests.notifications.http_receiver import Receiver, receiving

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

CONFIG = """
[daemon]
state_dir = "state"
[api]
listen = "127.0.0.1:{api}"
[notify]
daily_summary = "none"
[exchanges.one]
ccxt_id = "simulated"
[exchanges.one.simulated.symbols."BTC/USDT:USDT"]
price = 60000
annual_volatility_percent = 1
[exchanges.two]
ccxt_id = "simulated"
[exchanges.two.simulated.symbols."BTC/USDT:USDT"]
price = 50000
annual_volatility_percent = 1
[strategies.first]
kind = "webhook"
exchange = "one"
symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
[strategies.second]
kind = "webhook"
exchange = "two"
symbols = ["BTC/USDT:USDT"]
[users.gina]
mode = "signals"
notify = ["{gina}"]
account = {{ exchange = "one", leverage = 10, paper_balance = 5000 }}
filters = {{ symbols = ["BTC/*"], max_price_drift_percent = 1.0 }}
protection = {{ take_profits = [{{ percent = 4.0, share = 100 }}] }}
[users.gina.subscriptions.first]
[users.gina.subscriptions.second]
"""
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A service to deliver to."""
    with receiving() as found:
        yield found


@contextmanager
def _running(folder: Path, receiver: Receiver) -> Iterator[CommandLine]:
    text = CONFIG.format(api=receiver.free_port(), gina=receiver.url("gina"))
    (folder / "config.toml").write_text(text)
    with (folder / "log.txt").open("w") as log:
        process = fork("run", cwd=folder, stdout=log.fileno())
    try:
        receiver.wait(lambda: "daemon.ready" in (folder / "log.txt").read_text())
        yield CommandLine(folder)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def _send(shell: CommandLine, strategy: str, symbol: str, action: str, *more: str) -> None:
    texts = shell.run("send", strategy, symbol, action, *more)
    assert texts.code == 0, texts.err


def _decisions(folder: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """By strategy, symbol and action: code and numbers."""
    with closing(sqlite3.connect(folder / "state" / "signalbot.db")) as ledger:
        rows = ledger.execute(
            "SELECT s.strategy || ' ' || s.symbol || ' ' || s.action, d.code, d.detail "
            "FROM decisions d JOIN signals s USING (signal_id)"
        )
        return {what: (code, json.loads(detail)) for what, code, detail in rows}


def test_signals_of_every_exchange_come_with_levels_and_size_of_ones_own(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Each with the prices of its exchange; no order is sent."""
    with _running(tmp_path, receiver) as shell:
        _send(shell, "first", BTC, "LONG", "--price", "60000", "--confidence", "0.7")
        _send(shell, "second", BTC, "SHORT", "--price", "50000", "--stop-loss", "50500",
              "--reason", "a double top")  # fmt: skip
        _send(shell, "second", BTC, "LONG", "--price", "60000")
        _send(shell, "first", ETH, "LONG", "--price", "3000")
        receiver.wait(lambda: len(receiver.titles("gina")) == 2)
        decisions = _decisions(tmp_path)
        assert {what: code for what, (code, _) in decisions.items()} == {
            f"first {BTC} LONG": "SIGNALS_ONLY",
            f"second {BTC} SHORT": "SIGNALS_ONLY",
            f"second {BTC} LONG": "PRICE_DRIFTED",
            f"first {ETH} LONG": "SYMBOL_FILTERED",
        }
        long, short = (
            decisions[f"first {BTC} LONG"][1], decisions[f"second {BTC} SHORT"][1],
        )  # fmt: skip
        assert 55_000 < float(long["price"]) < 65_000
        assert 45_000 < float(short["price"]) < 55_000
        assert short["stop_loss"] == "50500"
        with closing(sqlite3.connect(tmp_path / "state" / "signalbot.db")) as ledger:
            for table in ("signal_executions", "orders", "positions", "simulated_orders"):
                assert ledger.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        why = shell.run("why", _newest(tmp_path, "SHORT"), "gina")
        assert "SIGNALS_ONLY" in why.out
        assert "stop_loss=50500" in why.out
    notices = "\n".join(got.body for got in receiver.got)
    lines = [line for line in notices.splitlines() if line]
    for begin in (
        "Stop: 50,500 (+",
        "Target: ",
        "Reason: a double top",
        "Strength: moderate, confidence 70 %",
        "Strategy: second, valid until ",
    ):
        assert any(line.startswith(begin) for line in lines), (begin, notices)
    entries = {
        Decimal(line.removeprefix("Entry: ").replace(",", ""))
        for line in lines
        if line.startswith("Entry: ")
    }
    assert entries == {Decimal(long["price"]), Decimal(short["price"])}
    sizes = [line for line in lines if line.startswith("Size: ")]
    assert len(sizes) == 2
    assert all(" BTC for a balance of 5,000.00 USDT" in line for line in sizes)


def test_exits_are_notified_without_a_tracked_position(tmp_path: Path, receiver: Receiver) -> None:
    """Their positions are unknown; filtered markets are not notified."""
    with _running(tmp_path, receiver) as shell:
        _send(shell, "first", BTC, "EXIT_LONG", "--price", "60000")
        _send(shell, "first", ETH, "EXIT_LONG", "--price", "3000")
        _send(shell, "second", BTC, "LONG", "--price", "50000")
        receiver.wait(lambda: len(receiver.titles("gina")) == 2)
        decisions = _decisions(tmp_path)
    assert decisions[f"first {BTC} EXIT_LONG"][0] == "SIGNALS_ONLY"
    assert decisions[f"first {ETH} EXIT_LONG"][0] == "SYMBOL_FILTERED"
    assert "📈 Signal: exit LONG BTC/USDT perp" in receiver.titles("gina")


def _newest(folder: Path, action: str) -> str:
    with closing(sqlite3.connect(folder / "state" / "signalbot.db")) as ledger:
        sql = "SELECT signal_id FROM signals WHERE action = ? ORDER BY created_at_ms DESC"
        return str(ledger.execute(sql, (action,)).fetchone()[0])
