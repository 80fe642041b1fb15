"""Hands on the running daemon: what operators do takes effect at once and outlives a restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.api_daemon import BTC, CONFIG, Daemon, daemon

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

CLEO = """
[users.cleo]
[users.cleo.account]
exchange = "sim"
[users.cleo.subscriptions.trend]
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with Anna and Ben, who follow ``trend``."""
    with daemon(tmp_path) as each:
        yield each


def test_a_halt_stops_the_next_signal_and_outlives_a_kill(running: Daemon) -> None:
    """Entries stop within one signal; the exit of an open position goes through."""
    running.command("send", "trend", BTC, "LONG", "--key", "1")
    running.until(lambda: _open(running) == {"anna", "ben"}, "both hold a position")
    running.command("halt", "--reason", "maintenance")
    running.kill()
    running.start()
    assert running.command("send", "trend", BTC, "SHORT", "--key", "2")
    running.until(lambda: _codes(running, "SHORT") == {"TRADING_HALTED"}, "entries are refused")
    running.command("send", "trend", BTC, "EXIT_LONG", "--key", "3")
    running.until(lambda: not _open(running), "exits go through")
    running.command("unhalt")
    running.command("send", "trend", BTC, "LONG", "--key", "4")
    running.until(lambda: _open(running) == {"anna", "ben"}, "entries are taken again")


def test_a_paused_user_and_a_paused_subscription_stay_paused(running: Daemon) -> None:
    """Each for itself, with its own reason in the decision."""
    running.command("pause", "anna", "--reason", "holiday")
    running.command("pause", "ben", "trend")
    running.kill()
    running.start()
    running.command("send", "trend", BTC, "LONG")
    running.until(lambda: len(_decisions(running)) == 2, "both have decided")
    assert _decisions(running) == {"anna": "USER_PAUSED", "ben": "SUBSCRIPTION_NOT_ACTIVE"}
    running.command("resume", "anna")
    running.command("resume", "ben", "trend")
    running.command("send", "trend", BTC, "LONG")
    running.until(lambda: _open(running) == {"anna", "ben"}, "both trade again")


def test_positions_are_closed_by_hand(running: Daemon) -> None:
    """At market, with the reason in the ledger; nobody else's."""
    running.command("send", "trend", BTC, "LONG")
    running.until(lambda: _open(running) == {"anna", "ben"}, "both hold a position")
    assert "BTC/USDT:USDT" in running.command("close", "anna")
    assert _open(running) == {"ben"}
    [closed] = running.rows("SELECT * FROM positions WHERE status = 'CLOSED'")
    assert (closed["user_id"], closed["close_reason"]) == ("anna", "MANUAL")
    assert "no position" in running.command("close", "anna", code=4)


def test_a_part_is_closed_by_hand_and_stays_so_after_a_kill(running: Daemon) -> None:
    """Half of everybody's position leaves, stop and share are told; a bad share is refused."""
    running.command("send", "trend", BTC, "LONG")
    running.until(lambda: _open(running) == {"anna", "ben"}, "both hold a position")
    sent = running.command("send", "trend", BTC, "EXIT_LONG", "--exit-percent", "50").strip()
    sql = "SELECT * FROM signal_executions WHERE signal_id = ? AND status = 'executed'"
    running.until(lambda: len(running.rows(sql, sent)) == 2, "half has left")
    running.kill()
    running.start()
    assert _open(running) == {"anna", "ben"}
    for position in running.rows("SELECT * FROM positions"):
        left, whole = float(position["quantity"]), float(position["entry_quantity"])
        assert left == pytest.approx(whole / 2, rel=0.1)
        order = (
            "SELECT * FROM orders WHERE position_id = ? AND leg = 'stop_loss' AND status = 'open'"
        )
        [stop] = running.rows(order, position["position_id"])
        assert float(stop["quantity"]) == left
    assert "50" in running.command("why", sent)
    for wrong in ("0", "101", "half"):
        running.command("send", "trend", BTC, "EXIT_LONG", "--exit-percent", wrong, code=1)
    assert "exit_percent" in running.command("send", "trend", BTC, "LONG", "--exit-percent", "50",
                                             code=1)  # fmt: skip


def test_what_the_api_makes_trades_and_is_there_after_a_restart(running: Daemon) -> None:
    """A user, a strategy, and a subscription with settings of its own."""
    api = running.admin()
    user = {"name": "dora", "account": {"exchange": "sim", "leverage": 2}}
    assert api.post("/api/users", json=user).status_code == 201
    made = {
        "name": "breakout",
        "kind": "donchian_breakout",
        "exchange": "sim",
        "symbols": [BTC],
        "timeframe": "1d",
    }
    assert api.post("/api/strategies", json=made).status_code == 201
    running.command("subscribe", "dora", "breakout", "--set", "sizing.quote_amount=500")
    running.kill()
    running.start()
    api = running.admin()
    running.command("send", "breakout", BTC, "LONG")
    running.until(lambda: _open(running) == {"dora"}, "dora trades")
    [position] = running.rows("SELECT * FROM positions")
    assert position["leverage"] == 2
    assert 400 < float(position["quantity"]) * float(position["entry_price"]) <= 500
    changed = made | {"signal_ttl": "10m", "version": 1}
    del changed["name"]
    answer = api.put("/api/strategies/breakout/settings", json=changed)
    assert (answer.json()["version"], answer.json()["signal_ttl_ms"]) == (2, 600_000)
    assert api.put("/api/strategies/breakout/settings", json=changed).status_code == 409
    refused = api.delete("/api/users/dora")
    assert refused.status_code == 422
    assert "open positions" in refused.text
    running.command("close", "dora")
    assert api.delete("/api/users/dora").status_code == 204
    assert api.get("/api/users/dora").json()["status"] == "REMOVED"


def test_what_the_file_defines_is_changed_only_there(running: Daemon) -> None:
    """The answer says so, and nothing happens."""
    api = running.admin()
    for answer in (
        api.delete("/api/users/anna"),
        api.delete("/api/subscriptions/anna/trend"),
        api.delete("/api/strategies/trend"),
        api.patch("/api/subscriptions/anna/trend", json={"settings": {}}),
    ):
        assert answer.status_code == 409
        assert "config.toml" in answer.json()["detail"]
    assert api.get("/api/users/anna").json()["status"] == "ACTIVE"


def test_a_changed_file_is_taken_on_while_signals_flow(running: Daemon) -> None:
    """Users come and go, and who stays notices nothing."""
    text = running.config.read_text()
    running.reload(text + CLEO)
    running.until(lambda: "config.changed" in running.log, "the change is logged")
    running.command("send", "trend", BTC, "LONG", "--key", "1")
    running.until(lambda: _open(running) == {"anna", "ben", "cleo"}, "cleo trades, too")
    running.reload(text)
    running.until(lambda: "config.reload_failed" in running.log, "cleo still holds a position")
    assert _open(running) == {"anna", "ben", "cleo"}
    running.command("close", "cleo")
    running.reload(text)
    running.until(lambda: 'users_removed=["cleo"]' in running.log, "cleo is gone")
    running.command("send", "trend", BTC, "EXIT_LONG", "--key", "2")
    running.until(lambda: not _open(running), "the others trade on")


def test_a_file_with_one_error_changes_nothing(running: Daemon) -> None:
    """Whole or not at all; what needs a restart is an error, too."""
    text = running.config.read_text()
    for broken in (
        text + CLEO + "x = 1\n",
        text + CLEO.replace("trend", "trnd"),
        text.replace('"sim"', '"sin"') + CLEO,
        text.replace("seed = 5", "seed = 6") + CLEO,
        text[: len(text) // 2],
        "",
    ):
        _refused(running, broken)
    assert [row["user_id"] for row in running.rows("SELECT * FROM users")] == ["anna", "ben"]
    running.command("send", "trend", BTC, "LONG")
    running.until(lambda: _open(running) == {"anna", "ben"}, "the old file is in force")


def test_without_a_daemon_the_commands_say_so(tmp_path: Path) -> None:
    """With the exit code that scripts can tell apart."""
    with daemon(tmp_path, started=False) as stopped:
        assert "signalbot run" in stopped.command("halt", code=3)


def test_an_address_that_is_taken_does_not_stop_trading(tmp_path: Path) -> None:
    """The control socket answers all the same."""
    with daemon(tmp_path) as first:
        other = tmp_path / "other"
        other.mkdir()
        with daemon(
            other, text=CONFIG.replace("{port}", str(first.port)).replace("{rate}", "20")
        ) as second:
            second.until(lambda: "api.bind_failed" in second.log, "it is told")
            second.command("send", "trend", BTC, "LONG")
            second.until(lambda: _open(second) == {"anna", "ben"}, "signals are taken")


def _refused(running: Daemon, text: str) -> None:
    before = running.log.count("config.reload_failed")
    running.reload(text)
    running.until(lambda: running.log.count("config.reload_failed") > before, "it is refused")


def _open(running: Daemon) -> set[str]:
    return {row["user_id"] for row in running.rows("SELECT * FROM positions WHERE status='OPEN'")}


def _codes(running: Daemon, action: str) -> set[str]:
    sql = "SELECT code FROM decisions JOIN signals USING (signal_id) WHERE action = ?"
    return {row["code"] for row in running.rows(sql, action)}


def _decisions(running: Daemon) -> dict[str, str]:
    return {row["user_id"]: row["code"] for row in running.rows("SELECT * FROM decisions")}
